"""What pays by what a model or a judge thinks? Parts that need one; later preference data, training, evaluation."""

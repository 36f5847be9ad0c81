"""What can a design pay for? Parts, a file a topic; they read columns and completions, never the truth."""

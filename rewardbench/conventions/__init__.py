"""How is anybody's reward function called? One file a convention, chosen by the function's signature."""

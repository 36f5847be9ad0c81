"""Which policies can be trained? A folder that transformers loads, and a small `.toml` beside it."""

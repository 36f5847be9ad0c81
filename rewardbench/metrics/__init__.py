"""What is a run worth? One file an axis or a flag: plain arrays in, numbers out."""

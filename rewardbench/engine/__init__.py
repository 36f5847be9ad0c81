"""How does one model sample and learn for R runs at once? stack, sample, learn; the eager, readable path."""

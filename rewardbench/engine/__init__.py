"""How does one model sample and learn for R runs at once? stack, sample, learn: readably, and on a GPU quickly."""

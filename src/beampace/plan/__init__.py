"""What to do for a dataset, how large, and in which order: pure functions, no I/O."""

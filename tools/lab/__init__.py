"""A Slurm cluster on one machine, below one directory: for tests, the demo and trying things by hand.

`lab.start(Plan(directory))` gives a `Lab`; `python -m tools.lab` is what `tools/slurm-lab` runs.
"""

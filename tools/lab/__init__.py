"""A Slurm cluster on one machine, below one directory: for tests, the demo and trying things by hand.

`running.start(directory, Plan())` gives a `Lab` and `faults` breaks it. `python -m tools.lab` is what
`tools/slurm-lab` runs.
"""

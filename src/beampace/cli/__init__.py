"""The command line: reads options, wires the rooms together, shows progress and results."""

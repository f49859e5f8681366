"""The daemon: one process that sees datasets, plans work, keeps it running and publishes results."""

"""One experiment: its metadata file, its life from start to stop, its places, its groups."""

"""Pictures of frames: made by processes of their own, since the daemon opens no data files."""

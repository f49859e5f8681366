"""What runs inside DIALS's own Python: one process per job that has imported DIALS once.

Nothing here imports beampace, and nothing of beampace imports this: it is started by its path, under the
interpreter of the installation, which may be older than ours and has none of our libraries.
"""

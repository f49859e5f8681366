"""Access: who is let in, for how long, how often, and what is written down of it."""

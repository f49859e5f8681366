"""A whole beamtime to play: a script of what happens when, and a player that lets it happen in real time."""

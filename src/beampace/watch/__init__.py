"""Finding datasets: bounded polling of the active beamtime, and announcements."""

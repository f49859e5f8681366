"""Synthetic datasets with a known truth: crystal, diffraction, noise, and an EIGER that writes files."""

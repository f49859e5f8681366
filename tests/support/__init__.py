"""Helpers that tests and acceptance runs share."""

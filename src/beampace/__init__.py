"""beampace: processing of crystallography data that keeps pace with the beam."""

__version__ = "0.1.0"

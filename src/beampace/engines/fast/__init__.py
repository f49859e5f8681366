"""The fast engine: from frames to scaled intensities with nothing but our own wheels."""

from beampace.engines.fast.engine import FastEngine

__all__ = ["FastEngine"]

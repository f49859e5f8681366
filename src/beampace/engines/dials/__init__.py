"""DIALS as separate programs: its command line, its files and its ways to fail."""

from beampace.engines.dials.engine import DialsEngine
from beampace.engines.dials.indexer import DialsIndexer
from beampace.engines.dials.installation import DialsInstallation

__all__ = ["DialsEngine", "DialsIndexer", "DialsInstallation"]

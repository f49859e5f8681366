"""Whether the files of a beamtime are where the ledger says: its root may have gone, or be another's now."""

from __future__ import annotations

from pathlib import Path

from beampace.beamtime import OpenBeamtime, is_still
from beampace.store import BeamtimeRow


def is_here(beamtime: BeamtimeRow | OpenBeamtime) -> bool:
    """Whether a beamtime's root is its directory. One that cannot be asked counts as it: nothing is known."""
    try:
        return is_still(Path(beamtime.root), beamtime.root_id)
    except OSError:
        return True


def is_anothers(beamtime: BeamtimeRow) -> bool:
    """Whether there is a directory at a beamtime's root which is not the beamtime's."""
    return Path(beamtime.root).is_dir() and not is_here(beamtime)


def has_raw(beamtime: BeamtimeRow | OpenBeamtime) -> bool:
    """Whether the raw data of a beamtime can be read."""
    return is_here(beamtime) and (Path(beamtime.root) / "raw").is_dir()

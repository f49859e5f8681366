"""The metadata file of a played beamtime, with the keys that P11's have."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

PARTS = ("raw", "processed", "shared", "scratch_bl")
_NOBODY = {"email": "", "institute": "", "lastname": "", "userId": "", "username": ""}


@dataclass(frozen=True, slots=True)
class Beamtime:
    """A beamtime to be played: its id and its directory."""

    id: str
    root: Path

    @property
    def metadata(self) -> Path:
        """Its metadata file."""
        return self.root / f"beamtime-metadata-{self.id}.json"

    @property
    def raw(self) -> Path:
        """Where datasets go."""
        return self.root / "raw"

    def make(self) -> None:
        """Make the directories, with the rights P11 gives them."""
        for part in PARTS:
            (self.root / part).mkdir(parents=True, exist_ok=True)

    def announce(self, begins: datetime, *, pre_start: bool = False) -> None:
        """Write the metadata file, whole.

        Args:
            begins: scheduled start.
            pre_start: whether only the nodes are reserved so far; the reservation has another name then.
        """
        text = json.dumps(self._text(begins, pre_start=pre_start), indent=2) + "\n"
        part = self.root / f".{self.metadata.name}.part"
        part.write_text(text, encoding="utf-8")
        part.rename(self.metadata)

    def _text(self, begins: datetime, *, pre_start: bool) -> dict[str, object]:
        form = "%Y-%m-%d %H:%M:%S"
        return {
            "applicant": _NOBODY,
            "beamline": "p11",
            "beamlineAlias": "P11",
            "beamlineSetup": "Crystallography (1-axis goniostat)",
            "beamtimeId": self.id,
            "contact": "None",
            "corePath": f"/asap3/petra3/gpfs/p11/{begins:%Y}/data/{self.id}",
            "eventEnd": f"{begins + timedelta(days=2):{form}}",
            "eventStart": f"{begins:{form}}",
            "facility": "PETRA III",
            "generated": f"{begins:{form}}",
            "leader": _NOBODY,
            "onlineAnalysis": {
                "reservedNodes": ["max-p3a016"],
                "slurmPartition": "ponline_p11",
                "slurmReservation": f"{self.id}_pre" if pre_start else self.id,
                "sshPrivateKeyPath": "shared/id_rsa",
                "sshPublicKeyPath": "shared/id_rsa.pub",
                "userAccount": "bttest04",
            },
            "pi": _NOBODY,
            "proposalId": "20200001",
            "proposalType": "II",
            "retentionPeriod": "default",
            "title": "A simulated beamtime",
            "unixId": "None",
            "users": {"doorDb": [], "special": [], "unknown": []},
        }

"""The beamtime of a laboratory: a fake `/gpfs` tree, its two other views, keys and the metadata file."""

from __future__ import annotations

import json
import os
import pwd
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from tools.lab.place import Place
from tools.lab.plan import Plan

NOBODY = {"email": "", "institute": "", "lastname": "", "userId": "", "username": ""}
WRITABLE = ("processed", "scratch_bl")
"""What the account may write to; raw belongs to the detector, shared to the staff."""


def metadata_path(place: Place, plan: Plan) -> Path:
    """The metadata file in the beamline's view."""
    return place.current / f"beamtime-metadata-{plan.beamtime}.json"


def make_tree(place: Place, plan: Plan, now: datetime) -> None:
    """Make the directories and the views; all three are the same files here, without any delay."""
    account = pwd.getpwnam(plan.accounts[0])
    true = place.files(plan.beamtime)
    for name in ("raw", "processed", "shared", "scratch_bl"):
        directory = true / name
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)
        if name in WRITABLE:
            os.chown(directory, account.pw_uid, account.pw_gid)
    for view in (place.current, place.node_view, place.core(plan.beamtime, now.year)):
        view.parent.mkdir(parents=True, exist_ok=True)
        view.symlink_to(true)


def give_key(place: Place, plan: Plan) -> None:
    """Put the first account's key pair where startBeamtime puts it; only the account and root may read it."""
    account = pwd.getpwnam(plan.accounts[0])
    for ending, mode in (("", 0o600), (".pub", 0o644)):
        target = place.current / f"shared/id_rsa{ending}"
        shutil.copyfile(place.ssh / f"id_{plan.accounts[0]}{ending}", target)
        os.chown(target, account.pw_uid, account.pw_gid)
        target.chmod(mode)


def announce(
    place: Place, plan: Plan, reservation: str, partition: str, nodes: list[str], now: datetime
) -> None:
    """Write the metadata file, whole; `nodes` are host names or addresses to log in to."""
    path = metadata_path(place, plan)
    part = path.with_name(f".{path.name}.part")
    text = _text(plan, now, str(place.core(plan.beamtime, now.year)))
    text["onlineAnalysis"] = {
        "reservedNodes": nodes,
        "slurmPartition": partition,
        "slurmReservation": reservation,
        "sshPrivateKeyPath": "shared/id_rsa",
        "sshPublicKeyPath": "shared/id_rsa.pub",
        "userAccount": plan.accounts[0],
    }
    part.write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")
    part.rename(path)


def _text(plan: Plan, now: datetime, core: str) -> dict[str, object]:
    form = "%Y-%m-%d %H:%M:%S"
    return {
        "applicant": NOBODY,
        "beamline": "p11",
        "beamlineAlias": "P11",
        "beamlineSetup": "Crystallography (1-axis goniostat)",
        "beamtimeId": plan.beamtime,
        "contact": "None",
        "corePath": core,
        "eventEnd": f"{now + timedelta(days=2):{form}}",
        "eventStart": f"{now - timedelta(minutes=1):{form}}",
        "facility": "PETRA III",
        "generated": f"{now:{form}}",
        "leader": NOBODY,
        "pi": NOBODY,
        "proposalId": "20200001",
        "proposalType": "II",
        "retentionPeriod": "default",
        "title": "A beamtime of the laboratory",
        "unixId": "None",
        "users": {"doorDb": [], "special": [], "unknown": []},
    }

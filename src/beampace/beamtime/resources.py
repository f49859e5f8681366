"""Online resources: what the metadata grants on a cluster, valid only while the beamtime is open."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from beampace.beamtime.files import shown
from beampace.beamtime.metadata import Metadata
from beampace.core.errors import failure
from beampace.core.taxonomy import Failure


@dataclass(frozen=True, slots=True)
class OnlineResources:
    """What is granted.

    Attributes:
        account: the temporary account, or "".
        key: its private key, proven to lie below the metadata's directory; whether it is there and who may
            read it is for its user to check. None when none is named.
        reservation, partition: of the cluster, or "".
        nodes: reserved nodes in the order of the file.
    """

    account: str
    key: Path | None = field(repr=False)
    reservation: str
    partition: str
    nodes: tuple[str, ...]


def granted(metadata: Metadata, directory: Path) -> OnlineResources | None:
    """The online resources, or None when nothing was reserved.

    Args:
        metadata: of the beamtime.
        directory: where its file lies; `sshPrivateKeyPath` is relative to it.

    Raises:
        InputError: the key lies elsewhere (metadata_inconsistent).
    """
    online = metadata.online
    if online is None or not (online.account or online.reservation or online.partition or online.nodes):
        return None
    key = _proven(directory, Path(online.key)) if online.key is not None else None
    return OnlineResources(online.account, key, online.reservation, online.partition, online.nodes)


def _proven(directory: Path, relative: Path) -> Path:
    """The path with symbolic links resolved."""
    try:
        root = directory.resolve()
        true = (root / relative).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        detail = f"onlineAnalysis.sshPrivateKeyPath below {shown(directory)} cannot be resolved: {error}."
        raise failure(Failure.METADATA_INCONSISTENT, detail) from error
    if not true.is_relative_to(root):
        detail = f"onlineAnalysis.sshPrivateKeyPath leads out of {shown(directory)}."
        raise failure(Failure.METADATA_INCONSISTENT, detail, "Name a key inside the beamtime's directory.")
    return true

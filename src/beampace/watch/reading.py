"""Reading a master: what a sighting needs to know of it. Runs in the reader process only."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable
from pathlib import Path

from beampace.core.dataset import Dataset, DatasetKind
from beampace.core.errors import BeampaceError, failure
from beampace.core.frames import FrameState
from beampace.core.taxonomy import Failure
from beampace.eiger import Container, Link, open_container, survey
from beampace.eiger.kind import settle_kind
from beampace.watch.inside import proven_inside
from beampace.watch.messages import Answer, Count, Counted, Identified, Look, Question, Refused
from beampace.watch.names import data_prefix, spelt

MAX_IDENTITY = 200
"""Longest identity taken as it stands."""


def answer(question: Question) -> Answer:
    """Answer one question; whatever the file holds, the answer says so."""
    try:
        return look(question) if isinstance(question, Look) else count(question)
    except BeampaceError as error:
        return Refused(code=error.code, words=spelt(error.words), next_step=spelt(error.next_step))
    except Exception as error:  # noqa: BLE001 - the boundary: a file may hold anything
        words = f"{question.master} cannot be read: {type(error).__name__} {error}."
        return Refused(code=Failure.FILE_TRUNCATED, words=spelt(words))


def look(question: Look) -> Identified:
    """What a master says.

    Raises:
        BeampaceError: it cannot be read, or does not lie where it should.
    """
    container = _open(question.master, question.raw)
    dataset = container.dataset
    kind, reason = _kind(dataset, question.kind)
    files = _files(container.links, container.master)
    period = dataset.scan.frame_time
    return Identified(
        identity=harmless(dataset.id),
        kind=kind,
        kind_reason=reason,
        n_announced=dataset.n_announced,
        frame_time_s=period if math.isfinite(period) and period > 0 else 0.0,
        n_files=len(files),
        data_prefix=_prefix(files),
        collected=dataset.collected,
    )


def count(question: Count) -> Counted:
    """Frames that can be read now.

    Raises:
        BeampaceError: the master cannot be read, or does not lie where it should.
    """
    container = _open(question.master, question.raw)
    return Counted(readable=survey(container, settled=False).count(FrameState.READABLE))


def harmless(identity: str) -> str:
    """An identity that any ledger can keep: a hash stands for one that is long or cannot be shown."""
    if len(identity) <= MAX_IDENTITY and identity.isprintable():
        return identity
    return f"odd-{hashlib.sha256(identity.encode('utf-8', 'backslashreplace')).hexdigest()}"


def _open(master: Path, raw: Path) -> Container:
    """Open a master at the very path it was seen at: nobody has put a link in between since."""
    if proven_inside(master, Path(os.path.realpath(raw))) != master:
        raise failure(Failure.NOT_A_DATASET, f"{master} is reached through a symbolic link.")
    return open_container(master)


def _kind(dataset: Dataset, announced: DatasetKind | None) -> tuple[DatasetKind, str]:
    if announced is None:
        return dataset.kind, dataset.kind_reason
    return settle_kind(announced, "the announcement says so", dataset.scan)


def _files(links: Iterable[Link], master: Path) -> frozenset[str]:
    """Names of the data files beside the master that it names."""
    return frozenset(
        link.file.name
        for link in links
        if not link.refused
        and link.file != master
        and os.fspath(link.file.parent) == os.fspath(master.parent)
    )


def _prefix(files: frozenset[str]) -> str:
    prefixes = {data_prefix(name) for name in files}
    return prefixes.pop() if len(prefixes) == 1 else ""

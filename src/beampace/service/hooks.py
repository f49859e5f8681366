"""Hooks: a site command, or a POST, told of each result at least once, never in the daemon's way."""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from beampace.core.errors import BeampaceError, failure
from beampace.core.taxonomy import Failure
from beampace.service.hook_calls import check_url, post_json, run_command
from beampace.store.records import DatasetRow, ResultRow

TIMEOUT_S = 30.0
PAUSES_S = (1.0, 5.0, 30.0)
"""Seconds before each further try."""

log = logging.getLogger("beampace.service")


@dataclass(frozen=True, slots=True)
class Told:
    """A result whose hooks have ended: its number, and what failed for good, as sentences."""

    result: int
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HookPlan:
    """What is told of each result.

    Attributes:
        command: program and arguments; the result directory is added. Empty for none.
        url: where JSON is posted, or "".
        timeout_s: seconds one call may take.
        pauses_s: seconds before each further try; their number bounds the tries.
    """

    command: tuple[str, ...] = ()
    url: str = ""
    timeout_s: float = TIMEOUT_S
    pauses_s: tuple[float, ...] = PAUSES_S

    def calls(self, document: Mapping[str, Any]) -> tuple[Callable[[threading.Event], None], ...]:
        """The calls to make for a result; each raises `BeampaceError` when it fails."""
        text = json.dumps(document, default=str).encode()
        number, directory = str(document["id"]), str(document["directory"])
        made: list[Callable[[threading.Event], None]] = []
        if self.command:
            argv = (*self.command, directory)
            made.append(lambda stop: run_command(argv, text, number, self.timeout_s, stop))
        if self.url:
            made.append(lambda _: post_json(self.url, text, number, self.timeout_s))
        return tuple(made)


def hook_document(row: ResultRow, dataset: DatasetRow) -> dict[str, Any]:
    """What hooks are told of a result. `id` is the same when the same result is told again."""
    result = row.result
    return {
        "schema": "hook/1",
        "id": row.job,
        "beamtime": row.beamtime,
        "group": row.group,
        "dataset": {"id": dataset.id, "name": dataset.name, "place": dataset.place, "path": dataset.path},
        "kind": dataset.kind.value,
        "work": row.work.value,
        "engine": row.engine,
        "verdict": {"code": result.code, "words": result.words},
        "directory": result.directory,
        "file": os.path.join(result.directory, "result.json"),  # noqa: PTH118 - a text, of another machine perhaps
        "summary": dict(result.summary),
        "created": result.created.isoformat(),
    }


@dataclass(slots=True)
class Hooks:
    """Tells of results in a thread of its own; the loop hands in results and collects what has ended.

    A result is told again after a restart unless the ledger knows that it was published: at least once.
    """

    plan: HookPlan
    _waiting: queue.SimpleQueue[tuple[int, Mapping[str, Any]] | None] = field(
        default_factory=queue.SimpleQueue
    )
    _told: queue.SimpleQueue[Told] = field(default_factory=queue.SimpleQueue)
    _pending: set[int] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def wanted(self) -> bool:
        """Whether anything is to be told at all."""
        return bool(self.plan.command or self.plan.url)

    def submit(self, result: int, document: Mapping[str, Any]) -> None:
        """Have a result told; one that is being told already is not told twice. Returns at once."""
        if result in self._pending:
            return
        self._pending.add(result)
        if not self.wanted:
            self._told.put(Told(result))
            return
        self._waiting.put((result, document))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="hooks", daemon=True)
            self._thread.start()

    def ended(self) -> tuple[Told, ...]:
        """Results whose hooks have ended since the last call. Returns at once."""
        found: list[Told] = []
        while True:
            try:
                found.append(self._told.get_nowait())
            except queue.Empty:
                self._pending.difference_update(told.result for told in found)
                return tuple(found)

    def close(self, patience_s: float = 5.0) -> None:
        """Stop; a command that runs is ended, what was not told is told after the next start."""
        self._stop.set()
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(patience_s)

    def _work(self) -> None:
        while (asked := self._waiting.get()) is not None and not self._stop.is_set():
            number, document = asked
            failures = tuple(filter(None, (self._call(call) for call in self.plan.calls(document))))
            if not self._stop.is_set():
                self._told.put(Told(number, failures))

    def _call(self, call: Callable[[threading.Event], None]) -> str:
        """Make a call until it succeeds or has failed too often; "" or what failed."""
        words = ""
        for pause in (0.0, *self.plan.pauses_s):
            if self._stop.wait(pause):
                break
            words = _attempt(call, self._stop)
            if not words:
                return ""
            log.warning("a hook failed: %s", words)
        return words


def _attempt(call: Callable[[threading.Event], None], stop: threading.Event) -> str:
    try:
        call(stop)
    except BeampaceError as error:
        return error.words
    except Exception as error:  # the boundary of the thread: a hook never ends the telling of others
        log.exception("a hook failed")
        return f"{type(error).__name__}: {error}"
    return ""


def checked_plan(command: Sequence[str], url: str, timeout_s: float = TIMEOUT_S) -> HookPlan:
    """A plan from the configuration.

    Raises:
        InputError: the address is neither https nor on this machine, or the command no absolute path
            (bad_request).
    """
    if command and not os.path.isabs(command[0]):  # noqa: PTH117 - a text
        raise failure(
            Failure.BAD_REQUEST,
            f"results.hooks.command: {command[0]!r} is not an absolute path.",
            "Name the program by its absolute path.",
        )
    if url:
        check_url(url)
    return HookPlan(tuple(command), url, timeout_s)

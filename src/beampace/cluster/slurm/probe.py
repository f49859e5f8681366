"""The questions that a site is asked through a transport; what the answers mean is in `site.py`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm.refusals import last_words
from beampace.cluster.slurm.site import (
    Record,
    Site,
    clock_of,
    ends_in,
    parse_config,
    parse_records,
    sizes,
    time_limit,
    version_of,
    where,
    whole_nodes,
)
from beampace.cluster.slurm.transport import DEADLINE_S, Completed, Transport, Unreachable
from beampace.core.errors import InfrastructureError
from beampace.core.taxonomy import Failure

__all__ = ["Questions", "Site", "probe"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,+-]{0,127}")
_HOSTS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,\[\]-]{0,16000}")
_NO_SACCT = re.compile(r"accounting storage is disabled|not found|No such file", re.I)


@dataclass(slots=True)
class Questions:
    """The questions a site is asked; one that fails has no answer, and the next one is asked.

    Attributes:
        transport: how Slurm's programs are reached.
        programs: directory that holds them there, or None: they are on PATH.
        deadline_s: seconds that each has.
        answered: how many the controller answered.
        why: why the last one that it did not answer failed.
    """

    transport: Transport
    programs: PurePosixPath | None = None
    deadline_s: float = DEADLINE_S
    answered: int = 0
    why: InfrastructureError | None = field(default=None, repr=False)

    def config(self) -> tuple[Record, float | None]:
        """Slurm's configuration, and the controller's clock (seconds since 1970)."""
        text = self._show("config")
        return parse_config(text), clock_of(text)

    def partition(self, name: str) -> Record:
        """A partition, or the one that jobs without any go to; empty when it is not known."""
        if name and not _NAME.fullmatch(name):
            return {}
        found = self._records("partition", *([name] if name else []))
        return next((one for one in found if name or one.get("Default") == "YES"), {})

    def reservation(self, name: str) -> Record:
        """A reservation; empty when there is none."""
        return next(iter(self._records("reservation", name)), {}) if _NAME.fullmatch(name) else {}

    def hosts(self, expression: str) -> tuple[str, ...]:
        """The names in an expression such as `cn[01-04]`."""
        said = self._show("hostnames", expression) if _HOSTS.fullmatch(expression) else ""
        return tuple(line for line in said.split("\n") if _NAME.fullmatch(line))

    def nodes(self, expression: str) -> tuple[Record, ...]:
        """The nodes of an expression, as far as Slurm knows them."""
        return self._records("node", expression) if _HOSTS.fullmatch(expression) else ()

    def version(self) -> str:
        """Version of the programs, or ""."""
        return version_of(self._asked(("scontrol", "--version")))

    def accounting(self) -> bool | None:
        """Whether `sacct` answers; None when it cannot be said."""
        which = ("--noheader", "--parsable2", "--allocations", "--starttime=now-1hours", "--format=JobIDRaw")
        done = self._run(("sacct", *which))
        if done is None or done.exit == 0:
            return None if done is None else True
        return False if _NO_SACCT.search(done.stderr) or done.exit == 127 else None

    def _records(self, what: str, *which: str) -> tuple[Record, ...]:
        """What is listed; a greeting of the login is passed over."""
        key = f"{what.capitalize()}Name"
        return tuple(one for one in parse_records(self._show(what, *which)) if key in one)

    def _show(self, what: str, *which: str) -> str:
        """What the controller says, or "". Times are seconds since 1970, whatever zone the gateway has."""
        program = "scontrol" if self.programs is None else str(self.programs / "scontrol")
        text = self._asked(("env", "SLURM_TIME_FORMAT=%s", program, "-o", "show", what, *which))
        self.answered += bool(text)
        return text

    def _asked(self, argv: Sequence[str]) -> str:
        done = self._run(argv)
        if done is None or done.exit == 0:
            return "" if done is None else done.stdout
        detail = f"Slurm gave no answer to `{' '.join(argv)}`: {last_words(done)}"
        self.why = InfrastructureError(Failure.NODE_LOST, detail)
        return ""

    def _run(self, argv: Sequence[str]) -> Completed | None:
        first = argv[0] if self.programs is None or argv[0] == "env" else str(self.programs / argv[0])
        try:
            return self.transport.run((first, *argv[1:]), b"", self.deadline_s)
        except Unreachable:
            raise
        except InfrastructureError as error:
            if error.code is not Failure.NODE_LOST:  # the beamtime is closed: nothing is asked any more
                raise
            self.why = error
            return None


def probe(transport: Transport, granted: OnlineResources, programs: PurePosixPath | None = None) -> Site:
    """Ask Slurm what a site is; takes six commands.

    Args:
        transport: how its programs are reached.
        granted: partition and reservation of the beamtime.
        programs: directory that holds Slurm's programs there, or None: they are on PATH.

    Raises:
        InfrastructureError: the cluster cannot be reached, or its controller answers nothing (node_lost).
        BeampaceError: outside a beamtime (beamtime_closed).
    """
    ask = Questions(transport, programs)
    config, now = ask.config()
    partition = ask.partition(granted.partition)
    if not ask.answered and ask.why is not None:
        raise ask.why
    reservation = ask.reservation(granted.reservation)
    # A reservation that is not there has no nodes; those of the partition would be somebody else's.
    nodes = where({} if granted.reservation else partition, reservation)
    known = ask.nodes(nodes)
    room = sizes(known, partition)
    return Site(
        exclusive=whole_nodes(config, partition),
        nodes=room.nodes if known else ask.hosts(nodes),
        cores=room.cores,
        memory_mb=room.memory_mb,
        most_time_s=time_limit(partition, "MaxTime"),
        default_time_s=time_limit(partition, "DefaultTime"),
        reservation_ends_s=ends_in(reservation, now),
        version=ask.version() or version_of(config.get("SLURM_VERSION", "")),
        accounting=ask.accounting(),
    )

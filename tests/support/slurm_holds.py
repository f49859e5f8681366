"""Where programs of jobs wait for a fault, and what the queue shows of our attempts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tools.lab import processes
from tools.lab.lab import Lab


@dataclass(frozen=True, slots=True)
class Alive:
    """An attempt of ours in the queue.

    Attributes:
        id: what `scancel` knows it by: a job or a step.
        name: opaque name of the attempt.
        running: or it waits.
        node: where it runs, or "".
    """

    id: str
    name: str
    running: bool
    node: str

    @property
    def attempt(self) -> str:
        """`<key>-<number>`."""
        return self.name.removeprefix("bp-").rpartition("-")[0]

    @property
    def job(self) -> str:
        """Number of the job or of the allocation."""
        return self.id.partition(".")[0]


def alive(lab: Lab) -> list[Alive]:
    """All attempts of ours that run or wait in the queue."""
    jobs = lab.run(["squeue", "-h", "-t", "R,PD", "-o", "%i|%j|%T|%N"], check=False).stdout
    steps = lab.run(["squeue", "-h", "-s", "-o", "%i|%j|RUNNING|%N"], check=False).stdout
    lines = [line.split("|") for line in (jobs + steps).splitlines()]
    return [Alive(one[0], one[1], one[2] == "RUNNING", one[3]) for one in lines if one[1].startswith("bp-")]


@dataclass(frozen=True, slots=True)
class Note:
    """What a program that waits has left: where it runs, and for which attempt."""

    file: Path
    attempt: str
    node: str
    job: str
    pid: int

    @property
    def lives(self) -> bool:
        """Whether it still runs."""
        return processes.began(self.pid) is not None


@dataclass(frozen=True, slots=True)
class Holds:
    """Where programs of jobs wait for a fault: at most so many that begin while it is `armed`.

    Attributes:
        place: a directory that the account may read, with one below it that it may write to.
    """

    place: Path

    def prepare(self) -> None:
        """Make the directories."""
        for name, mode in (("armed", 0o755), ("struck", 0o755), ("notes", 0o1777)):
            (self.place / name).mkdir(parents=True)
            (self.place / name).chmod(mode)

    def arm(self, fault: str, most: int, latest: int = 1) -> None:
        """From now on, programs wait for this fault: so many, of attempts up to this number."""
        part = self.place / f".{fault}"
        part.write_text(f"{most} {latest}")
        part.rename(self.place / "armed" / fault)

    def strike(self, fault: str) -> None:
        """It has happened: those that are left go on, no others wait."""
        (self.place / "armed" / fault).unlink()
        (self.place / "struck" / fault).touch()

    def notes(self, fault: str) -> list[Note]:
        """Programs that wait for it and live; the place of one that was ended otherwise is free again."""
        found = []
        for file in sorted((self.place / "notes").glob(f"{fault}-*")):
            text = file.read_text()
            if not text.endswith("}"):
                continue
            note = Note(file, **json.loads(text))
            if note.lives:
                found.append(note)
            else:
                file.unlink(missing_ok=True)
        return found


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that was injected.

    Attributes:
        fault: which.
        at: when (UTC, ISO 8601).
        words: what was done.
        running, waiting: attempts or jobs of ours that it met.
        refused: submits that the queue refused because of it.
    """

    fault: str
    at: str
    words: str
    running: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    refused: int = 0


@dataclass(slots=True)
class Submits:
    """Counts what the controller was asked for."""

    lab: Lab

    @property
    def _lines(self) -> list[str]:
        text = (self.lab.place.log / "slurmctld.log").read_text(errors="replace")
        return [line for line in text.splitlines() if "_slurm_rpc_submit_batch_job" in line]

    def all(self) -> int:
        """Submits, taken or not."""
        return len(self._lines)

    def refused(self) -> int:
        """Submits that were not taken."""
        return sum("JobId=" not in line for line in self._lines)

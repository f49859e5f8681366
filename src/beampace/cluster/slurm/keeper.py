"""Keeps the allocations that are to be held: asks for them, finds room in them, gives them back."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm.gate import Gate, NoRoom
from beampace.cluster.slurm.held import HOLD, HeldPool, hold_argv
from beampace.cluster.slurm.layout import Layout
from beampace.cluster.slurm.queue import CommandQueue, Jobs
from beampace.core.errors import InfrastructureError
from beampace.core.ports import JobSpec
from beampace.core.taxonomy import Failure


@dataclass(slots=True)
class Keeper:
    """Does what the pool says.

    Attributes:
        pool: what is held.
        queue: whom to ask.
        gate: what was refused lately.
        extra: further arguments of sbatch.
    """

    pool: HeldPool
    queue: CommandQueue
    gate: Gate
    extra: tuple[str, ...] = ()

    def tend(self, granted: OnlineResources, layout: Layout, answer: Jobs) -> None:
        """Keep as many allocations as are wanted, give back those that are old. What fails is tried again."""
        self.pool.settings, self.pool.key = layout.held, (granted.reservation, granted.partition)
        self.pool.look(answer)
        wanted = self.gate.is_open(granted) and not layout.over
        try:
            for _ in range(self.pool.to_ask_for() if wanted else 0):
                self.pool.asked()
                self.queue.sbatch(hold_argv(self.pool.name, granted, self.pool.settings, self.extra), HOLD)
                self.gate.taken()
            self._cancel(self.pool.to_give_back())
        except InfrastructureError as error:
            logging.getLogger(__name__).warning("allocation_not_held", extra={"why": str(error)})
            if error.code is Failure.REJECTED_BY_QUEUE:
                self.pool.refused()
                self.gate.refused(granted, error)
            for _ in range(self.pool.to_ask_for() if error.code is Failure.NODE_LOST else 0):
                self.pool.asked()  # whoever does not answer is not asked for the next node at once

    def room(self, spec: JobSpec) -> int | None:
        """The allocation for a step, or None where a job of its own is right.

        Raises:
            InfrastructureError: there is no room yet, and a job would wait for the nodes that are held.
        """
        if not (spec.urgent or self.pool.settings.everything):
            return None
        job = self.pool.room(spec.resources)
        if job is None and self.pool.settings.everything:
            raise NoRoom(Failure.NODE_LOST, "No held allocation has room for it yet.")
        return job

    def give_back(self) -> None:
        """Give back all that is held.

        Raises:
            InfrastructureError: the queue could not be asked.
        """
        self._cancel(self.pool.to_give_back(all_of_them=True))

    def _cancel(self, jobs: tuple[int, ...]) -> None:
        if jobs:
            self.pool.gave_back(jobs)  # also when there is no answer: it is asked again, a little later
            self.queue.cancel(map(str, jobs))

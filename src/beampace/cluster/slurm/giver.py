"""Giving an attempt to the queue: as a job of its own, or as a step of what is held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.files import read_started, withdraw
from beampace.cluster.launcher import PID
from beampace.cluster.slurm.gate import Gate
from beampace.cluster.slurm.grants import Granted
from beampace.cluster.slurm.held import step_argv
from beampace.cluster.slurm.homes import write_home
from beampace.cluster.slurm.keeper import Keeper
from beampace.cluster.slurm.native import Native
from beampace.cluster.slurm.node import NodeSide, put_launcher, write_launch
from beampace.cluster.slurm.queue import Queue
from beampace.cluster.slurm.refusals import RESERVATION
from beampace.cluster.slurm.script import OUTPUT_FILE, job_name, request_of
from beampace.cluster.slurm.settings import SlurmSettings
from beampace.core.errors import BeampaceError, InfrastructureError, failure
from beampace.core.ports import JobSpec
from beampace.core.taxonomy import Failure


@dataclass(slots=True)
class Giver:
    """Gives attempts to the queue.

    Attributes:
        queue: the queue.
        open: what is granted at this moment.
        node: how things are on a node.
        settings: how Slurm is used.
        gate: what was refused lately.
        keeper: what is held, or None.
        given: called after something was taken.
    """

    queue: Queue
    open: Granted
    node: NodeSide
    settings: SlurmSettings
    gate: Gate
    keeper: Keeper | None
    given: Callable[[], None]

    def granted(self) -> OnlineResources:
        """What is granted now.

        Raises:
            InfrastructureError: nothing is (beamtime_closed).
        """
        found = self.open()
        if found is None:
            detail = "Outside a beamtime with online resources nothing is submitted."
            raise failure(Failure.BEAMTIME_CLOSED, detail)
        return found

    def known(self, spec: JobSpec, granted: OnlineResources) -> Native | None:
        """The latest job of an attempt; whether an earlier one runs is asked by its name.

        Raises:
            InfrastructureError: the queue did not answer (node_lost).
        """
        name = job_name(spec)
        jobs = self.queue.jobs(granted.account, name).get(name, ())
        jobs = jobs or self.queue.history(granted.account, [name]).get(name, ())
        return Native(granted.account, jobs[-1].job, name) if jobs else None

    def give(self, spec: JobSpec, directory: Path, granted: OnlineResources, most_time_s: int) -> Native:
        """Give an attempt that the queue does not know; one that has begun already is left to go on.

        Args:
            spec: the attempt.
            directory: its directory, absolute.
            granted: what is granted now.
            most_time_s: longest time limit that can be asked for, or 0.

        Raises:
            InputError: its directory cannot be named to Slurm (bad_request).
            InfrastructureError: it was not taken, or whether it was is not known (node_lost).
            OSError: its directory cannot be written.
        """
        name, started = job_name(spec), read_started(directory)
        if started is not None and started.pid != 0:
            return Native(granted.account, 0, name)
        spec = _bounded(spec, most_time_s)
        job = self.keeper.room(spec) if self.keeper is not None else None
        if job is None:
            self.gate.check(granted)
        launcher = put_launcher(directory.parent)
        write_launch(directory, self.node.launch_of(spec), other_account=self.node.other_account)
        if started is not None:
            (directory / PID).unlink()  # only a withdrawal, which no launcher can have replaced
        try:
            number = self._given(spec, directory, granted, launcher, job)
        except BeampaceError as error:
            if error.code is not Failure.NODE_LOST:
                withdraw(directory)  # nothing was taken, and nothing of it may begin
            raise
        if number:  # a step needs no reservation: it says nothing about the next job
            self.gate.taken()
        self.given()
        return Native(granted.account, number, name)

    def _given(
        self, spec: JobSpec, directory: Path, granted: OnlineResources, launcher: Path, job: int | None
    ) -> int:
        if job is None or self.keeper is None:
            return self._submit(spec, directory, granted, launcher)
        self._step(self.keeper, spec, directory, launcher, job)
        return 0  # a step is known by its name

    def _step(self, keeper: Keeper, spec: JobSpec, directory: Path, launcher: Path, job: int) -> None:
        """Start an attempt as a step of an allocation."""
        there, name = self.node.view(directory), job_name(spec)
        write_home(directory, job)
        argv = step_argv(job, name, spec.resources, there, self.node.step(launcher, directory))
        keeper.queue.start_step(argv, there / OUTPUT_FILE)
        keeper.pool.take(job, name, spec.resources)

    def _submit(self, spec: JobSpec, directory: Path, granted: OnlineResources, launcher: Path) -> int:
        """Submit; when the reservation is refused, with the one the metadata name by now, once."""
        try:
            return self._sbatch(spec, directory, granted, launcher)
        except InfrastructureError as error:
            if error.code is Failure.REJECTED_BY_QUEUE:
                self.gate.refused(granted, error)
            if RESERVATION.search(error.detail) is None:
                raise
            now = self.granted()
            if now == granted or now.account != granted.account:
                raise
            return self._sbatch(spec, directory, now, launcher)

    def _sbatch(self, spec: JobSpec, directory: Path, granted: OnlineResources, launcher: Path) -> int:
        request = request_of(spec, self.node.view(directory), granted, self.settings)
        return self.queue.submit(request, self.node.script(launcher, directory))


def _bounded(spec: JobSpec, most_time_s: int) -> JobSpec:
    """The attempt with a time that ends before the queue, or the reservation, ends it without a word."""
    if not most_time_s or spec.resources.time_s <= most_time_s:
        return spec
    return replace(spec, resources=replace(spec.resources, time_s=most_time_s))

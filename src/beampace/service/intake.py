"""What the watch saw, into the ledger: the one idempotent entry of polling and announcements."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from beampace.core.job import JobState
from beampace.core.sighting import FilesSeen, Sighting
from beampace.core.work import Event, WorkClass
from beampace.service.desk import Desk
from beampace.service.planning import due_keys, plan_work
from beampace.service.settling import settled_state
from beampace.store import DatasetRow, Observed

GroupOf = Callable[[Sighting], str]


@dataclass(slots=True)
class Intake:
    """Writes down sightings and listings, and plans what they make due.

    Work is planned before the ledger says that its reason has passed: a daemon that dies in between plans it
    again, and the same work planned twice is one job.
    """

    desk: Desk
    group_of: GroupOf

    def sighted(self, beamtime: str, sighting: Sighting) -> Observed:
        """Write down a master; its first sight makes work due."""
        ledger = self.desk.ledger
        observed = ledger.observe(beamtime, sighting, self.group_of(sighting))
        dataset = observed.dataset
        if observed.news != "same":
            self.desk.log.info(
                f"dataset.{observed.news}",
                beamtime=beamtime,
                dataset=dataset.id,
                kind=dataset.kind.value,
                group=dataset.group,
                place=dataset.place,
                frames=dataset.n_announced,
                by=sighting.by,
            )
        if observed.news == "new":
            self._give_up_what_was_there(dataset)
        if observed.news == "changed":
            self._drop_what_is_no_longer_due(dataset)
        self._plan(dataset)
        return observed

    def files(self, beamtime: str, seen: FilesSeen) -> int | None:
        """Write down a listing of a dataset of a beamtime.

        Returns:
            The number of a dataset that has settled just now, or whose files changed after it had: work that
            ended early may lack frames of it. None for the others.
        """
        ledger = self.desk.ledger
        dataset = ledger.dataset_at(seen.path, beamtime)
        if dataset is None:
            return None
        changed = seen.mark != dataset.files_mark
        if changed:
            ledger.files(dataset.id, seen)
        if dataset.state != "growing":
            return dataset.id if changed else None
        state = settled_state(dataset, seen, self.desk.settings.watch.patience_s)
        if state is None:
            return None
        self._settle(dataset, state)
        return dataset.id

    def grew(self, dataset_id: int) -> None:
        """Frames turned up after the work had ended: the same work once more, with all of them."""
        dataset = self.desk.ledger.grow(dataset_id)
        self.desk.log.info("dataset.grew", dataset=dataset.id, generation=dataset.generation)
        for job in self.desk.ledger.jobs(dataset=dataset_id, state=JobState.WAITING):
            if job.work_class is not WorkClass.RERUN:  # what nobody has begun is done with all frames at once
                self.desk.ledger.want_cancel(job.key)
        self._plan(dataset)

    def _plan(self, dataset: DatasetRow) -> None:
        """Plan what is due at first sight, unless this generation has its work already."""
        for event in self._events(dataset):
            plan_work(self.desk, dataset, event)

    def _events(self, dataset: DatasetRow) -> Iterable[Event]:
        if dataset.generation > 0:
            return (Event.GREW,)
        return (Event.SEEN,) if dataset.state == "growing" else (Event.SEEN, Event.COMPLETE)

    def _settle(self, dataset: DatasetRow, state: str) -> None:
        if dataset.generation == 0:
            plan_work(self.desk, dataset, Event.COMPLETE)
        self.desk.ledger.settle(dataset.id, state)
        self.desk.log.info(f"dataset.{state}", dataset=dataset.id, place=dataset.place)

    def _give_up_what_was_there(self, dataset: DatasetRow) -> None:
        """A new series was written over another one: nothing more can be read of that."""
        others = self.desk.ledger.others_at(dataset.path, dataset.id)
        for old in (one for one in others if one.beamtime == dataset.beamtime):
            for job in self.desk.ledger.jobs(dataset=old.id):
                if job.state is not JobState.ENDED:
                    self.desk.ledger.want_cancel(job.key)
            if old.state == "growing":
                self.desk.ledger.settle(old.id, "stopped")
                self.desk.log.warning("dataset.overwritten", dataset=old.id, by=dataset.id, path=old.path)

    def _drop_what_is_no_longer_due(self, dataset: DatasetRow) -> None:
        """A late `info.txt` may make a rotation a grid: what waits for the other kind is ended."""
        due = due_keys(self.desk, dataset, (*self._events(dataset), Event.COMPLETE))
        for job in self.desk.ledger.jobs(dataset=dataset.id):
            stale = job.generation == dataset.generation and job.key not in due
            if stale and job.state is not JobState.ENDED and job.work_class is not WorkClass.RERUN:
                self.desk.ledger.want_cancel(job.key)
                self.desk.log.info("job.no_longer_due", job=job.key, work=job.work.value, dataset=dataset.id)

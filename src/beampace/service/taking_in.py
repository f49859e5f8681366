"""A result that is there already: left for the same job by a daemon whose ledger is lost or elsewhere now."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from beampace.service.attempt_files import result_of
from beampace.service.desk import Desk
from beampace.service.ending import frame_counts, new_result
from beampace.service.result_files import answer_of
from beampace.store import JobRow, ResultRow


def take_in(desk: Desk, job: JobRow, place: PurePosixPath) -> ResultRow | None:
    """Write down the result of a job nobody has started yet, if there is one; the job ends with it.

    Args:
        desk: the daemon's.
        job: without any attempt.
        place: of the results of its dataset, relative to `processed`.

    Raises:
        InfrastructureError: the ledger cannot be written.
    """
    processed = Path(desk.ledger.beamtime(job.beamtime).root) / "processed"
    directory = answer_of(processed / place, job.work.value, job.key)
    if directory is None or processed.resolve() / place != directory.parent.resolve():  # no link on the way
        return None
    result = result_of(directory, job.key)
    if result is None:
        return None
    row = desk.ledger.finish(new_result(job.key, result, directory, desk.ledger.now()))
    counts = frame_counts(result)
    if counts is not None:
        desk.ledger.frames(job.dataset, counts)
    desk.log.info("job.taken_in", job=job.key, code=result.verdict.code, directory=str(directory))
    return row

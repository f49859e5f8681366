from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from beampace.cli.status_view import ago, status_view
from beampace.core.work import WorkClass, WorkName
from beampace.web import DiskInfo, JobInfo, LagInfo, ResultInfo, StatusAnswer, TroubleInfo

NOW = datetime(2026, 11, 3, 2, 12, tzinfo=UTC)


def shown(status, width=100):
    console = Console(width=width, record=True, force_terminal=False)
    with console.capture() as captured:
        console.print(status_view(status))
    return captured.get()


def job(number, **changes):
    values = {
        "key": f"{number:016x}",
        "dataset": number,
        "name": f"lyso_{number}",
        "place": "user1/lyso/rotational_001",
        "work": WorkName.PROCESS,
        "engine": "dials",
        "work_class": WorkClass.FULL,
        "state": "waiting",
        "forecast": "merged statistics in about 40 s, 3 ahead",
    }
    return JobInfo(**(values | changes))


def full_status(**changes):
    result = ResultInfo(
        id=1,
        dataset=2,
        name="lyso_2",
        work=WorkName.MAP,
        code="no_diffraction",
        words="No diffraction was found.",
        directory="/p",
        created=NOW - timedelta(seconds=75),
    )
    values = {
        "at": NOW,
        "beamtime": "11001234",
        "title": "[red]odd[/red] title",
        "phase": "open",
        "keeps_up": "Processing keeps up: nothing waits.",
        "datasets": {"complete": 4, "growing": 1},
        "waiting": {"full": 2, "urgent": 1},
        "running": (job(1, state="active", since=NOW - timedelta(seconds=12), attempts=2),),
        "next": (job(3),),
        "results": (result,),
        "lags": (LagInfo(of="urgent", what="seen to first", n=2, median_s=0.4, p95_s=0.9, worst_s=1.0),),
        "troubles": (TroubleInfo(where="/gpfs", words="It is full.", next_step="Free space."),),
        "disk": DiskInfo(path="/gpfs", free_bytes=10**9, total_bytes=10**12, only_results=True),
    }
    return StatusAnswer(**(values | changes))


def test_what_matters_is_there_and_troubles_come_before_the_rest():
    text = shown(full_status())
    for words in (
        "Beamtime 11001234",
        "[red]odd[/red] title",
        "keeps up",
        "4 complete, 1 growing",
        "1 urgent, 2 full",
        "merged statistics in about 40 s, 3 ahead",
        "12 s",
        "attempt 2",
        "75 s ago",
        "No diffraction was found.",
        "Next: Free space.",
        "1.0 GB of 1.0 TB are free",
        "Only results are kept.",
    ):
        assert words in text.replace("\n", " ") or words in " ".join(text.split()), words
    assert text.index("It is full.") < text.index("Running") < text.index("Results")


def test_no_beamtime_is_a_short_answer():
    text = shown(StatusAnswer(at=NOW, phase="none", keeps_up="No beamtime is open."))
    assert "No beamtime" in text
    assert "Running" not in text
    assert "Waiting: nothing." in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_it_fits_the_terminal(width):
    assert max(len(line) for line in shown(full_status(), width).splitlines()) <= width


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (89, "89 s"),
        (91, "2 min"),
        (5000, "83 min"),
        (7200, "2 h"),
        (200_000, "2 days"),
        (-5, "0 s"),
    ],
)
def test_how_long_ago(seconds, words):
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words
    assert ago(None, NOW) == ""

"""`beampace capacity`: what it prints, what it refuses, and what it takes from a ledger."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from beampace.cli.calling import Where
from beampace.cli.capacity import Asked, capacity_answer
from beampace.cli.capacity_file import SCENARIOS, description_of
from beampace.cli.main import app
from beampace.core.dataset import DatasetKind
from beampace.core.errors import InputError
from beampace.core.job import AttemptState, ExitRecord
from beampace.core.sighting import FilesSeen
from beampace.core.work import WorkClass, WorkName
from beampace.plan.capacity_model import json_schema
from beampace.results.capacity_schema import CapacityAnswer
from beampace.store import open_ledger
from tests.support.ledgers import START, Clock, claim, new_result, planned, sighting

SMALL = """
schema = "capacity-1"
title = "small"
hours = 1
[cluster]
nodes = 1
cores_per_node = 8
[[collections]]
name = "scan"
kind = "rotation"
frames = 3600
frame_time_s = 0.0075
per_hour = 30
[[costs]]
work = "process"
engine = "dials"
frames = 3600
core_seconds = 200
seconds = 60
cores = 4
"""

PROCESS_ONLY = """
[[rules]]
name = "processing"
kinds = ["rotation"]
on = "complete"
work = "process"
engine = "dials"
work_class = "full"
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    return file


def run(*words: object) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, ["capacity", *map(str, words)])
    return found.exit_code, found.stdout, found.stderr


def test_json_and_picture(small: Path, tmp_path: Path) -> None:
    code, out, _ = run(small, "--json", "--plot", tmp_path / "small.png")
    answer = CapacityAnswer.model_validate_json(out)
    assert (code, answer.schema_, answer.described_nodes) == (0, "capacity-result/1", 1)
    assert json.loads(out)["schema"] == "capacity-result/1"
    assert json.loads(out)["outcomes"][0]["classes"][0]["of"] == "live"
    assert (tmp_path / "small.png").read_bytes().startswith(b"\x89PNG")


def test_words_and_tables(small: Path) -> None:
    code, out, _ = run(small)
    assert code == 0
    assert "With 1 node the lag stays bounded." in out
    assert "Not measured, so taken from the daemon's beliefs: look." in out
    assert all(word in out for word in ("median", "p95", "worst", "full", "live"))


def test_more_nodes_by_option(small: Path) -> None:
    _, out, _ = run(small, "--nodes", 3, "--json")
    assert {one["nodes"] for one in json.loads(out)["outcomes"]} == {1, 2, 3, 4}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("nodes = 1", "nodes = 0", "cluster.nodes"),
        ("nodes = 1", "node = 1", "is nodes meant?"),
        ("nodes = 1", "", "cluster.nodes: this key is missing"),
        ("per_hour = 30", "per_hour = 300", "the detector would be busy"),
        ('kind = "rotation"', 'kind = "circle"', "collections.0.kind"),
        ("seconds = 60", "seconds = 'long'", "costs.0.seconds"),
        ("hours = 1", "hours = ", "is not a TOML file"),
        ("cores_per_node = 8", "cores_per_node = 8\nurgent_cores = 8", "urgent_cores"),
    ],
)
def test_a_wrong_description_is_refused_by_file_and_key(small: Path, old: str, new: str, said: str) -> None:
    small.write_text(SMALL.replace(old, new, 1))
    code, out, err = run(small)
    assert (code, out) == (2, "")
    assert str(small) in err
    assert said in err


def test_files_that_are_none(tmp_path: Path) -> None:
    assert run(tmp_path / "absent.toml")[0] == 2
    assert "p11-maxwell" in run(tmp_path / "absent.toml")[2]
    assert run(tmp_path)[0] == 2
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    assert run(tmp_path / "b.toml")[0] == 2
    (tmp_path / "large.toml").write_bytes(b"#" * 2_000_000)
    assert "no description" in run(tmp_path / "large.toml")[2]


def test_nodes_that_leave_nothing(small: Path) -> None:
    small.write_text(SMALL.replace("nodes = 1", "nodes = 2\nurgent_cores = 9", 1))
    code, _, err = run(small, "--nodes", 1)
    assert (code, "--nodes 1" in err) == (2, True)


def test_schema_and_shipped_text(tmp_path: Path) -> None:
    assert json.loads(run("--schema")[1]) == json_schema()
    for name in SCENARIOS:
        (tmp_path / f"{name}.toml").write_text(run(name, "--print")[1])
        assert description_of(str(tmp_path / f"{name}.toml")) == description_of(name)


def filled(state: Path, count: int, seconds: float, *, looked: bool = False) -> None:
    """A ledger of scans, a minute apart, each processed in so many seconds on 4 cores.

    With `looked`, a look follows each and ends 1.5 s after the last frame.
    """
    state.mkdir(mode=0o700)
    clock = Clock()
    ledger = open_ledger(state, clock=clock)
    try:
        ledger.open_beamtime("11001", "/gpfs/current")
        for number in range(count):
            clock.moment = START + timedelta(seconds=60 * number)
            seen = sighting(f"E/{number}", kind=DatasetKind.ROTATION)
            dataset = ledger.observe("11001", seen, "a").dataset.id
            if looked:
                look = {"work": WorkName.LOOK, "engine": "", "work_class": WorkClass.LIVE}
                ledger.plan(dataset, [planned(f"l{number}", **look)])
                claim(ledger, f"l{number}", cores=1)
            clock.go(27)
            ledger.files(dataset, FilesSeen(seen.path, 4, 1000, 0.0, "all"))
            if looked:
                usage = ExitRecord(0, seconds=28.5, cpu_s=9.0, max_rss_mb=200.0, cores=1)
                created = clock() + timedelta(seconds=1.5)
                ledger.finish(new_result(f"l{number}", created=created), usage)
            ledger.settle(dataset, "complete")
            clock.go(1)
            ledger.plan(dataset, [planned(f"k{number}")])
            attempt = claim(ledger, f"k{number}", cores=4)
            ledger.submitted(f"k{number}", attempt, str(number))
            ledger.progressed(f"k{number}", attempt, AttemptState.RUNNING, started=clock.go(2))
            usage = ExitRecord(0, seconds=seconds, cpu_s=3 * seconds, max_rss_mb=900.0, cores=4)
            ended = clock.go(seconds)
            ledger.finish(new_result(f"k{number}", created=ended), usage)
    finally:
        ledger.close()


def test_costs_of_the_ledger_replace_those_of_the_table(small: Path, tmp_path: Path) -> None:
    filled(tmp_path / "state", 5, 20.0)
    small.write_text(SMALL + PROCESS_ONLY)
    answer = capacity_answer(Where(tmp_path / "state"), Asked(str(small), measured=True))
    full = next(one for one in answer.outcomes[0].classes if one.of == "full")
    # It took 20 s on 4 cores. The daemon gives 1 to so little work; delays are 0.5, 0.5 and 0.2 s.
    assert full.median_s == pytest.approx(20 * 4 + 1.2, rel=0.01)


def test_a_beamtime_as_it_was(small: Path, tmp_path: Path) -> None:
    """The lag that was measured is what the simulation gives: delays, costs and works are the ledger's."""
    filled(tmp_path / "state", 20, 15.0)
    small.write_text(SMALL + "[engines.dials]\ncores = 4\n")
    asked = Asked(str(small), measured=True, beamtime="11001")
    answer = capacity_answer(Where(tmp_path / "state"), asked)
    (full,) = answer.compared
    assert (full.of, full.n, full.measured_median_s) == ("full", 20, 18.0)
    assert full.simulated_median_s == pytest.approx(18.0, rel=0.02)
    assert {one.of for one in answer.outcomes[0].classes} == {"full"}  # nothing was looked at
    assert answer.hours == pytest.approx((19 * 60 + 27) / 3600, rel=1e-3)


def test_works_of_a_beamtime_are_those_it_had(small: Path, tmp_path: Path) -> None:
    """A look that follows needs after the last frame what it was measured to need there."""
    filled(tmp_path / "state", 10, 15.0, looked=True)
    small.write_text(SMALL + "[engines.dials]\ncores = 4\n" + PROCESS_ONLY)  # its rules do not count
    asked = Asked(str(small), measured=True, beamtime="11001")
    live, full = capacity_answer(Where(tmp_path / "state"), asked).compared
    assert (live.of, live.measured_median_s, full.of) == ("live", 1.5, "full")
    assert live.simulated_median_s == pytest.approx(1.5, rel=0.02)
    assert full.simulated_median_s == pytest.approx(full.measured_median_s, rel=0.02)


def test_no_ledger_no_beamtime(small: Path, tmp_path: Path) -> None:
    code, _, err = run(small, "--state-dir", tmp_path / "nothing")
    assert (code, "no ledger" in err) == (3, True)
    filled(tmp_path / "state", 1, 5.0)
    with pytest.raises(InputError, match="99"):
        capacity_answer(Where(tmp_path / "state"), Asked(str(small), measured=True, beamtime="99"))

"""The report of a beamtime from a real ledger and real files, without a daemon."""

import csv
import json
import os
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from beampace.beamtime import root_id
from beampace.cli.calling import Where
from beampace.cli.report import Reported, report_command
from beampace.core.errors import InputError
from beampace.core.job import AttemptState, ExitRecord
from beampace.core.sighting import FilesSeen
from beampace.core.work import WorkClass, WorkName
from beampace.service.report import accounts_of, beamtime_of, report_of
from beampace.service.report_page import accounts_csv, core_hours, report_page, report_words
from beampace.store import open_ledger
from tests.support.ledgers import Clock, claim, new_result, planned, sighting


class Beamtime:
    """A beamtime whose ledger and files agree, until a test breaks something."""

    def __init__(self, directory):
        self.root, self.state = directory / "current", directory / "state"
        self.state.mkdir(mode=0o700)
        self.clock = Clock()
        self.ledger = open_ledger(self.state, clock=self.clock)
        self.ledger.open_beamtime("11001234", str(self.root), "<b>Lysozyme</b>")

    def dataset(self, name, group="a", n_bytes=1000):
        place = f"{group}/{name}"
        path = str(self.root / "raw" / place / f"{name}_master.h5")
        said = sighting(name, path=path, place=place, name=name)
        number = self.ledger.observe("11001234", said, group).dataset.id
        self.ledger.files(number, FilesSeen(path, 4, n_bytes, 0.0, "mark"))
        self.clock.go(1)
        self.ledger.settle(number, "complete")
        return number

    def work(self, number, key, work_class=WorkClass.FULL, **changes):
        self.ledger.plan(number, [planned(key, work_class=work_class, **changes)])
        attempt = claim(self.ledger, key)
        self.ledger.submitted(key, attempt, key)
        first = self.clock.go(0.5)
        self.ledger.progressed(key, attempt, AttemptState.RUNNING, first, first)
        return attempt

    def write(self, number, key, name="process_001"):
        place = self.ledger.dataset(number).place
        directory = self.root / "processed" / place / "beampace" / name
        directory.mkdir(parents=True)
        (directory / "result.json").write_text(json.dumps({"parameters": {"other": {"job": key}}}))
        return directory

    def finish(self, number, key, **names):
        directory = self.write(number, key, **names)
        self.clock.go(10)
        return self.ledger.finish(
            new_result(key, directory=str(directory), created=self.clock()),
            ExitRecord(0, cpu_s=40, seconds=10),
        )

    def report(self):
        return report_of(self.ledger)


@pytest.fixture
def beamtime(tmp_path):
    made = Beamtime(tmp_path)
    yield made
    made.ledger.close()


@pytest.fixture
def good(beamtime):
    for index, group in enumerate(("a", "b", "a")):
        number = beamtime.dataset(f"d{index}", group)
        beamtime.work(number, f"{index:016x}")
        beamtime.finish(number, f"{index:016x}")
    return beamtime


def test_a_good_beamtime_has_nothing_lost_and_nothing_doubled(good):
    report = good.report()
    assert (report.lost, report.doubled, report.misplaced) == ((), (), ())
    assert (report.results, report.attempts, report.retries) == (3, 3, 0)
    assert report.datasets == {"complete": 3}
    assert report.jobs == {"full": {"ended": 3}}
    by_what = {lag.what: lag for lag in report.lags}
    assert by_what["work due to first frame opened"].worst_s == 0.5
    assert by_what["last frame to result"].median_s == 11.5
    assert [(one.group, one.datasets, one.raw_bytes) for one in report.accounts] == [
        ("a", 2, 2000),
        ("b", 1, 1000),
    ]
    assert report.disk is not None
    assert report.disk.total_bytes > 0


def test_retries_and_failures_are_counted_with_their_words(good):
    number = good.dataset("d9")
    good.work(number, "9" * 16)
    good.ledger.end_attempt("9" * 16, 1, "node_lost", "gone")
    claim(good.ledger, "9" * 16)
    good.finish(number, "9" * 16)
    report = good.report()
    assert (report.attempts, report.retries, report.lost) == (5, 1, ())
    (failure,) = report.failures
    assert (failure.code, failure.count, failure.jobs) == ("node_lost", 1, 0)
    assert failure.words == "The machine that did the work was lost."


def test_jobs_that_never_started_are_no_attempts(good):
    for place in "xyz":
        number = good.dataset(f"n{place}")
        good.ledger.plan(number, [planned(place * 16)])
        good.ledger.end_job(place * 16, "beamtime_closed", "")
    report = good.report()
    (failure,) = report.failures
    assert (failure.code, failure.count, failure.jobs) == ("beamtime_closed", 0, 3)
    assert "never started" in report_page(report)


def test_a_result_whose_files_are_gone_is_lost(good):
    directory = good.ledger.results()[0].result.directory
    shutil.rmtree(directory)
    assert good.report().lost == (f"Result 3: {directory} is gone.",)


def test_work_that_ended_well_without_a_result_is_lost(good):
    number = good.dataset("d9")
    good.work(number, "9" * 16)
    good.ledger.end_attempt("9" * 16, 1, "merged", "")
    good.ledger.end_job("9" * 16, "merged", "")
    (sentence,) = good.report().lost
    assert "9" * 16 in sentence


def test_work_that_never_ended_is_lost_once_the_beamtime_has(good):
    number = good.dataset("d9")
    good.ledger.plan(number, [planned("9" * 16)])
    assert good.report().lost == ()
    good.ledger.close_beamtime("11001234", "stopped")
    assert "never ended" in good.report().lost[0]


def test_a_dataset_nobody_worked_on_is_lost(good):
    good.dataset("d9")
    assert "got no work" in good.report().lost[0]


def test_two_results_of_one_job_on_the_disk_are_doubled(good):
    good.write(1, f"{0:016x}", "process_002")
    (sentence,) = good.report().doubled
    assert "process_001" in sentence
    assert "process_002" in sentence


def test_two_jobs_of_the_same_work_are_doubled(good):
    good.work(1, "e" * 16)
    good.finish(1, "e" * 16, name="process_002")
    assert good.report().doubled == ("Results 1, 4 are of the same work.",)


def test_the_same_work_with_other_wishes_or_of_later_frames_is_not_doubled(good):
    good.work(1, "e" * 16, WorkClass.RERUN)
    good.finish(1, "e" * 16, name="process_002")
    good.work(1, "d" * 16, engine="xds")
    good.finish(1, "d" * 16, name="process_003")
    good.work(1, "c" * 16, work=WorkName.LOOK)
    good.finish(1, "c" * 16, name="look_001")
    good.work(1, "b" * 16, options={"d_min": 2.0})
    good.finish(1, "b" * 16, name="process_004")
    good.ledger.grow(1)
    good.work(1, "a" * 16)
    good.finish(1, "a" * 16, name="process_005")
    assert good.report().doubled == ()


def test_a_result_in_the_place_of_another_group_is_told(good):
    good.work(1, "e" * 16, WorkClass.RERUN)
    good.finish(2, "e" * 16, name="process_002")  # dataset 2 is another group's
    (sentence,) = good.report().misplaced
    assert "in the place of another dataset" in sentence


@pytest.mark.parametrize("text", ["", "nonsense", "[1]", '{"parameters": [1]}', "[" * 100_000])
def test_files_that_are_no_result_do_not_stop_the_report(good, text):
    directory = good.ledger.results()[0].result.directory
    (Path(directory) / "result.json").write_text(text)
    report = good.report()
    assert "holds no result of its job" in report.misplaced[0]


def test_links_and_pipes_are_not_read(good, tmp_path):
    place = good.root / "processed" / "a" / "d0" / "beampace"
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "result.json").write_text(json.dumps({"parameters": {"other": {"job": f"{0:016x}"}}}))
    (place / "process_002").symlink_to(outside)
    (place / "process_003").mkdir()
    (place / "process_003" / "result.json").symlink_to(outside / "result.json")
    (place / "process_004").mkdir()
    os.mkfifo(place / "process_004" / "result.json")
    report = good.report()
    assert (report.doubled, report.lost) == ((), ())


def test_the_open_beamtime_is_meant_and_else_the_last(good):
    good.clock.go(5)
    good.ledger.close_beamtime("11001234", "stopped")
    good.clock.go(5)
    good.ledger.open_beamtime("11005678", "/gpfs/current")
    assert beamtime_of(good.ledger).id == "11005678"
    good.clock.go(5)
    good.ledger.close_beamtime("11005678", "stopped")
    assert beamtime_of(good.ledger).id == "11005678"
    assert beamtime_of(good.ledger, "11001234").id == "11001234"
    with pytest.raises(InputError, match="11009999"):
        accounts_of(good.ledger, "11009999")


def test_both_figures_are_shown_with_what_they_mean(good, capsys):
    good.ledger.charge(f"{0:016x}", 1, 8 * 3600.0)
    good.ledger.charge(f"{1:016x}", 1, 7200.0 * 10_000)
    report = good.report()
    figures = {one.group: (one.core_seconds, one.charged_core_seconds) for one in report.accounts}
    assert figures == {"a": (28810.0, 28800.0), "b": (7.2e7, 7.2e7)}
    rows = {row["group"]: row for row in csv.DictReader(accounts_csv(report.accounts).splitlines())}
    assert (rows["a"]["core_seconds"], rows["a"]["charged_core_seconds"]) == ("28810.0", "28800.0")
    page = report_page(report)
    assert report_command(Where(good.state), Reported(), json=False) == 0
    said = " ".join(capsys.readouterr().out.split())
    for words in (page, said):
        assert "by the cluster" in words
        assert "8.00" in words
        assert "20.0 thousand" in words
        assert "Held nodes that idle are nobody" in words


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (0, "0.00"),
        (99.99, "99.99"),
        (100, "100"),
        (1234.4, "1,234"),
        (12_345, "12.3 thousand"),
        (1.25e6, "1.2 million"),
    ],
)
def test_core_hours_for_people(hours, words):
    assert core_hours(3600 * hours) == words


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.addresses = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]


def test_the_page_stands_alone_and_shows_names_as_text(good):
    page = report_page(good.report())
    tags = Tags()
    tags.feed(page)
    assert tags.addresses == []
    assert not {"script", "link", "img", "iframe", "object"} & set(tags.tags)
    assert "&lt;b&gt;Lysozyme&lt;/b&gt;" in page
    assert "Nothing lost, nothing doubled" in page
    good.write(1, f"{0:016x}", "process_002")
    assert "Something is wrong" in report_page(good.report())


def test_the_command_reads_the_ledger_when_no_daemon_runs(good, tmp_path, capsys):
    html, accounts = tmp_path / "report.html", tmp_path / "accounts.csv"
    where = Where(good.state)
    assert report_command(where, Reported("11001234", html, accounts), json=True) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["results"] == 3
    assert "No daemon runs" in said.err
    assert html.read_text().startswith("<!DOCTYPE html>")
    rows = list(csv.DictReader(accounts.read_text().splitlines()))
    assert [(row["group"], row["datasets"]) for row in rows] == [("a", "2"), ("b", "1")]
    assert report_command(where, Reported(), json=False) == 0
    assert "3 datasets, 3 results; lost 0, doubled 0" in capsys.readouterr().out
    assert report_command(where, Reported("11009999"), json=True) == 2
    assert json.loads(capsys.readouterr().out)["code"] == "bad_request"


def test_without_daemon_and_ledger_nothing_is_made_up(tmp_path, capsys):
    assert report_command(Where(tmp_path), Reported(), json=False) == 3
    said = capsys.readouterr().err
    assert "no ledger" in said
    assert "--state-dir" in said
    assert list(tmp_path.iterdir()) == []


def current_is_gone(beamtime, core_path=""):
    """The beamtime stops: its directory is known, and moved away."""
    beamtime.ledger.open_beamtime("11001234", str(beamtime.root), "", root_id(beamtime.root), core_path)
    beamtime.ledger.close_beamtime("11001234", "stopped")
    beamtime.root.rename(beamtime.root.parent / "core")


@pytest.mark.parametrize("next_one", [False, True])
def test_after_the_stop_files_are_not_lost_but_not_checked(good, next_one):
    current_is_gone(good)
    if next_one:
        (good.root / "processed").mkdir(parents=True)
    report = good.report()
    assert (report.lost, report.doubled, report.misplaced, report.disk) == ((), (), (), None)
    assert str(good.root) in report.unchecked
    assert "not checked" in report_words(report)
    assert "Nothing lost" not in report_page(report)
    number = good.dataset("late")
    assert any(f"Dataset {number} " in line for line in good.report().lost), (
        "the ledger is checked all the same"
    )


def test_after_the_stop_files_are_looked_for_where_the_data_are_kept(good, tmp_path):
    core = tmp_path / "core"
    current_is_gone(good, str(core))
    report = good.report()
    assert (report.unchecked, report.lost, report.misplaced) == ("", (), ())
    assert report.disk is not None
    twice = good.write(1, f"{0:016x}", "process_002")  # below `current`, which is another beamtime's by now
    assert good.report().doubled == ()
    shutil.move(twice, core / twice.relative_to(good.root).parent)
    assert len(good.report().doubled) == 1
    shutil.rmtree(core / "processed/b")
    assert len(good.report().lost) == 1

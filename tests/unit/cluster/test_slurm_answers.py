"""Answers of squeue, sacct, the completion log and sbatch, as they were captured from Slurm 22.05."""

import pytest

from beampace.cluster.slurm.refusals import is_reservation, last_words, refusal
from beampace.cluster.slurm.sacct import between_s, log_argv, parse_log, parse_sacct, sacct_argv
from beampace.cluster.slurm.squeue import (
    Seen,
    by_name,
    count,
    parse_squeue,
    parse_steps,
    seconds,
    squeue_argv,
    steps_argv,
)
from beampace.cluster.slurm.transport import Completed
from beampace.core.taxonomy import Failure


def test_squeue_gives_number_state_reason_and_name():
    text = "12|PENDING|Resources|1:00:00 4 0:00|bp-ab12-1-0f\n13|RUNNING|None|9:58 8 0:02|bp-cd-2-0f\n"
    assert parse_squeue(text) == (
        Seen(12, "bp-ab12-1-0f", "PENDING", "Resources", left_s=3600, cpus=4, used_s=0),
        Seen(13, "bp-cd-2-0f", "RUNNING", left_s=598, cpus=8, used_s=2),
    )


def test_a_reason_with_words_is_kept():
    (seen,) = parse_squeue("7|RESV_DEL_HOLD|Reservation bt04 was deleted|0:00 1 0:00|bp-x-1\n")
    assert seen.reason == "Reservation bt04 was deleted"


@pytest.mark.parametrize(
    ("figures", "left", "core_seconds"),
    [
        ("59:58 8 1-00:00:02", 3598, 8 * 86402.0),
        ("UNLIMITED 8 0:02", None, 16.0),
        ("59:58 8 INVALID", 3598, None),
        ("59:58 8-16 0:02", 3598, None),
        ("59:58 8", 3598, None),
        ("59:58", 3598, None),
        ("", None, None),
    ],
)
def test_figures_that_are_missing_are_not_known_and_hide_no_job(figures, left, core_seconds):
    (seen,) = parse_squeue(f"7|COMPLETED|None|{figures}|bp-x-1\n")
    assert (seen.left_s, seen.core_seconds) == (left, core_seconds)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
        "12|RUNNING|None|9:58|",  # a job of the account that is not ours
        "12|RUNNING|None|9:58|(null)",
        "12|RUNNING|None|9:58|a comment | with all kinds of $(things)",
        "12_[3-4]|PENDING|None|9:58|bp-x-1",
        "x|RUNNING|None|9:58|bp-x-1",
        "１２|RUNNING|None|9:58|bp-x-1",
        "12|RUNNING|None|bp-x-1",
    ],
)
def test_lines_that_are_no_attempts_are_left_out(line):
    assert parse_squeue(f"{line}\n5|RUNNING|None|9:58|bp-mine-1\n") == (
        Seen(5, "bp-mine-1", "RUNNING", left_s=598),
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [("9:58", 598), ("0:00", 0), ("8:00:00", 28800), ("1-02:03:04", 93784), ("UNLIMITED", None), ("", None)],
)
def test_times_of_slurm(text, number):
    assert seconds(text) == number


@pytest.mark.parametrize(
    ("text", "number"), [("12", 12), ("", None), ("-1", None), ("１２", None), ("9" * 13, None)]
)
def test_counts_of_slurm(text, number):
    assert count(text) == number


def test_steps_run_as_long_as_they_are_listed():
    text = "12.0|bp-ab-1\n12.batch|bp-x-1\n12.extern|extern\n13.7|someone else's\n14.3|bp-cd-2\n"
    assert parse_steps(text) == (
        Seen(12, "bp-ab-1", "RUNNING", step="0"),
        Seen(14, "bp-cd-2", "RUNNING", step="3"),
    )
    assert parse_steps(text)[1].id == "14.3"
    assert "--steps" in steps_argv("bttest04")


def test_jobs_of_one_attempt_are_together_in_order():
    jobs = [Seen(9, "a", "PENDING"), Seen(3, "a", "RUNNING"), Seen(4, "b", "RUNNING")]
    assert by_name(jobs) == {"a": (jobs[1], jobs[0]), "b": (jobs[2],)}


def test_one_question_for_all_jobs_of_the_account():
    argv = squeue_argv("bttest04")
    assert argv[0] == "squeue"
    assert "--user=bttest04" in argv
    assert "--states=all" in argv
    assert not any(word.startswith("--jobs") for word in argv)
    assert all("--user" not in word for word in squeue_argv())


def test_sacct_keeps_both_lives_of_a_job():
    text = "92|NODE_FAIL|bp-x-1|5|4\n92|COMPLETED|bp-x-1|70|4\n94|CANCELLED by 1001|bp-y-1|0|0\n"
    assert parse_sacct(text) == (
        Seen(92, "bp-x-1", "NODE_FAIL", used_s=5, cpus=4),
        Seen(92, "bp-x-1", "COMPLETED", used_s=70, cpus=4),
        Seen(94, "bp-y-1", "CANCELLED by 1001", used_s=0, cpus=0),
    )


def test_sacct_knows_steps_by_the_names_of_attempts():
    text = (
        "1|RUNNING|bph-aa|7|4\n1.batch|RUNNING|batch|7|4\n1.extern|RUNNING|extern|7|4\n"
        "1.0|COMPLETED|bp-s-2|3|2\n1.12|FAILED|bp-s-1|3|2\n"
    )
    assert parse_sacct(text) == (
        Seen(1, "bph-aa", "RUNNING", used_s=7, cpus=4),
        Seen(1, "bp-s-2", "COMPLETED", step="0", used_s=3, cpus=2),
        Seen(1, "bp-s-1", "FAILED", step="12", used_s=3, cpus=2),
    )


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("92|COMPLETED|bp-x-1||", Seen(92, "bp-x-1", "COMPLETED")),
        ("92|COMPLETED|bp-x-1", Seen(92, "bp-x-1", "COMPLETED")),
        ("92|COMPLETED|bp-x-1|99|99|5|4", Seen(92, "bp-x-1|99|99", "COMPLETED", used_s=5, cpus=4)),
    ],
)
def test_sacct_without_figures_and_names_that_play_tricks(line, seen):
    assert parse_sacct(f"sacct: error: a word\n92||x\n[]|COMPLETED|x\n{line}\n") == (seen,)


def test_sacct_asks_by_number_or_by_name():
    assert "--jobs=3,12" in sacct_argv(jobs=[12, 3])
    by = sacct_argv(name="bp-x-1", account="bttest04")
    assert {"--name=bp-x-1", "--user=bttest04"} <= set(by)
    assert not any(word.startswith("--jobs") for word in by)
    assert {"--allocations", "--starttime=now-7days"} <= set(by)


def test_steps_are_told_with_the_allocation_that_is_held_and_for_some_hours_only():
    by = sacct_argv(name="bp-x-1,bph-0123", account="bttest04")
    assert "--allocations" not in by
    assert "--starttime=now-2hours" in by
    assert "--name=bp-x-1,bph-0123" in by


def test_the_completion_log():
    line = (
        "JobId=5 UserId=bttest04(1001) GroupId=bttest04(1001) Name=bp-x-1 JobState=COMPLETED Partition=day "
        "TimeLimit=10 StartTime=2026-11-22T10:00:00 EndTime=2026-11-22T10:00:01 NodeList=cn01 NodeCnt=1 "
        "ProcCnt=1 WorkDir=/home/x ReservationName=bt04 ExitCode=0:0 \n"
    )
    assert parse_log(line + "half a li") == (Seen(5, "bp-x-1", "COMPLETED", used_s=1, cpus=1),)
    tricks = line.replace(
        "/home/x", "/x StartTime=2026-11-22T09:00:00 EndTime=2026-11-22T10:00:00  ProcCnt=9 "
    )
    assert parse_log(tricks) == parse_log(line)
    assert log_argv("-odd")[-2:] == ("--", "-odd")


@pytest.mark.parametrize(
    "part", ["StartTime=2026-11-22T10:00:00 ", "EndTime=2026-11-22T10:00:01 ", "ProcCnt=8 "]
)
def test_the_completion_log_without_a_figure(part):
    line = (
        "JobId=5 UserId=u(1) GroupId=u(1) Name=bp-x-1 JobState=FAILED StartTime=2026-11-22T10:00:00 "
        "EndTime=2026-11-22T10:00:01 NodeList=cn01 NodeCnt=1 ProcCnt=8 WorkDir=/ "
    )
    assert parse_log(line)[0].core_seconds == 8.0
    (seen,) = parse_log(line.replace(part, ""))
    assert (seen.job, seen.state, seen.core_seconds) == (5, "FAILED", None)


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        ("2026-11-22T10:00:00", "2026-11-23T10:00:05", 86405),
        ("2026-11-22T10:00:00", "2026-11-22T09:59:59", None),
        ("Unknown", "2026-11-22T10:00:00", None),
        ("2026-11-22T10:00:00", "0000-00-00T00:00:00", None),
        ("2026-11-22T10:00:00+00:00", "2026-11-22T12:00:00+01:00", 3600),
        ("2026-10-25T01:30:00", "2026-10-25T03:30:00", 3 * 3600),  # the night with the hour that comes twice
        ("2026-10-25T01:30:00", "2026-10-25T02:30:00", None),
        ("2026-10-25T02:30:00", "2026-10-25T03:30:00", None),
        ("2026-03-29T01:30:00", "2026-03-29T03:30:00", 3600),  # the night that lacks one
        ("2026-03-29T02:30:00", "2026-03-29T03:30:00", None),
    ],
)
def test_seconds_between_moments_of_the_log(start, end, seconds):
    assert between_s(start, end) == seconds


FAILED = "sbatch: error: Batch job submission failed: "


@pytest.mark.parametrize(
    ("said", "code", "word"),
    [
        (FAILED + "Requested reservation is invalid", Failure.REJECTED_BY_QUEUE, "reservation"),
        (FAILED + "Access denied to requested reservation", Failure.REJECTED_BY_QUEUE, "reservation"),
        ("sbatch: error: invalid partition specified: nope\n" + FAILED + "Invalid partition name specified",
         Failure.REJECTED_BY_QUEUE, "partition"),
        (FAILED + "Invalid qos specification", Failure.REJECTED_BY_QUEUE, "QOS"),
        (FAILED + "Invalid account or account/partition combination specified",
         Failure.REJECTED_BY_QUEUE, "account"),
        (FAILED + "Requested time limit is invalid (missing or exceeds some limit)",
         Failure.REJECTED_BY_QUEUE, "time"),
        (FAILED + "Requested node configuration is not available", Failure.REJECTED_BY_QUEUE, "node"),
        (FAILED + "Memory required by task is not available", Failure.REJECTED_BY_QUEUE, "node"),
        (FAILED + "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
         Failure.REJECTED_BY_QUEUE, "QOS"),
        (FAILED + "I/O error writing script/environment to file", Failure.DISK_FULL, "disk"),
        (FAILED + "Invalid job credential", Failure.REJECTED_BY_QUEUE, "trust"),
        ("bash: line 1: sbatch: command not found", Failure.REJECTED_BY_QUEUE, "programs"),
        (FAILED + "A reason of the year 2031", Failure.REJECTED_BY_QUEUE, "2031"),
        (FAILED + "Socket timed out on send/recv operation", Failure.NODE_LOST, "not known"),
        (FAILED + "Unable to contact slurm controller (connect failure)", Failure.NODE_LOST, "not known"),
        (FAILED + "Zero Bytes were transmitted or received", Failure.NODE_LOST, "not known"),
    ],
)  # fmt: skip
def test_refusals_have_a_code_words_and_a_next_step(said, code, word):
    error = refusal(Completed(1, "", said + "\n"))
    assert error.code is code
    assert word in error.words
    assert said.split(": ")[-1] in error.words
    assert error.next_step


@pytest.mark.parametrize("done", [Completed(255, "", "killed"), Completed(1, "", ""), Completed(0, "", "")])
def test_an_sbatch_that_did_not_say_why_leaves_open_whether_it_took_the_job(done):
    assert refusal(done).code is Failure.NODE_LOST


def test_only_reservations_are_read_anew():
    assert is_reservation(Completed(1, "", FAILED + "Requested reservation is invalid\n"))
    assert not is_reservation(Completed(1, "", FAILED + "Invalid partition name specified\n"))
    assert not is_reservation(Completed(0, "12\n", ""))


def test_last_words_are_short_and_printable():
    words = last_words(Completed(1, "", "\x1b[31m" + "x" * 1000))
    assert words.isprintable()
    assert len(words) == 400

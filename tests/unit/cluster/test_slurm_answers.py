"""Answers of squeue, sacct, the completion log and sbatch, as they were captured from Slurm 22.05."""

import pytest

from beampace.cluster.slurm.refusals import is_reservation, last_words, refusal
from beampace.cluster.slurm.sacct import log_argv, parse_log, parse_sacct, sacct_argv
from beampace.cluster.slurm.squeue import (
    Seen,
    by_name,
    parse_squeue,
    parse_steps,
    seconds,
    squeue_argv,
    steps_argv,
)
from beampace.cluster.slurm.transport import Completed
from beampace.core.taxonomy import Failure


def test_squeue_gives_number_state_reason_and_name():
    text = "12|PENDING|Resources|1:00:00|bp-ab12-1-0f\n13|RUNNING|None|9:58|bp-cd-2-0f\n"
    assert parse_squeue(text) == (
        Seen(12, "bp-ab12-1-0f", "PENDING", "Resources", left_s=3600),
        Seen(13, "bp-cd-2-0f", "RUNNING", left_s=598),
    )


def test_a_reason_with_words_is_kept():
    (seen,) = parse_squeue("7|RESV_DEL_HOLD|Reservation bt04 was deleted|0:00|bp-x-1\n")
    assert seen.reason == "Reservation bt04 was deleted"


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
    text = "92|NODE_FAIL|bp-x-1\n92|COMPLETED|bp-x-1\n93.batch|COMPLETED|batch\n94|CANCELLED by 1001|bp-y-1\n"
    assert parse_sacct(text) == (
        Seen(92, "bp-x-1", "NODE_FAIL"),
        Seen(92, "bp-x-1", "COMPLETED"),
        Seen(94, "bp-y-1", "CANCELLED by 1001"),
    )


def test_sacct_asks_by_number_or_by_name():
    assert "--jobs=3,12" in sacct_argv(jobs=[12, 3])
    by = sacct_argv(name="bp-x-1", account="bttest04")
    assert {"--name=bp-x-1", "--user=bttest04"} <= set(by)
    assert not any(word.startswith("--jobs") for word in by)


def test_the_completion_log():
    line = (
        "JobId=5 UserId=bttest04(1001) GroupId=bttest04(1001) Name=bp-x-1 JobState=COMPLETED Partition=day "
        "TimeLimit=10 StartTime=2026-11-22T10:00:00 EndTime=2026-11-22T10:00:01 NodeList=cn01 NodeCnt=1 "
        "ProcCnt=1 WorkDir=/home/x ReservationName=bt04 ExitCode=0:0 \n"
    )
    assert parse_log(line + "half a li") == (Seen(5, "bp-x-1", "COMPLETED"),)
    assert log_argv("-odd")[-2:] == ("--", "-odd")


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

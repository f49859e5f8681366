"""The reader process and its owner, when the other one misbehaves."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from beampace.core.errors import InfrastructureError
from beampace.watch.helper import Helper
from beampace.watch.messages import Look, Refused
from beampace.watch.reading import harmless

QUESTION = Look(master=Path("/nowhere/raw/x_master.h5"), raw=Path("/nowhere/raw"))
READY = "import sys; print('ready', flush=True); sys.stdin.readline(); "


@pytest.fixture
def made() -> Iterator[list[Helper]]:
    helpers: list[Helper] = []
    yield helpers
    for helper in helpers:
        helper.close()
        helper.tidy()


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        (READY + "print('nonsense')", "engine_failed", "JSON"),
        (READY + 'print(\'{"answer": "identified", "identity": "x"}\')', "engine_failed", "Field required"),
        (READY + "print('x' * 200000)", "engine_failed", "no end"),
        (READY + "sys.exit('last words')", "engine_failed", "last words"),
        (READY + "import os; os.kill(os.getpid(), 11)", "engine_failed", "ended"),
        (READY + "import time; time.sleep(60)", "timed_out", "more than 0.5 s"),
        ("import nothing_of_this_name", "engine_failed", "nothing_of_this_name"),
    ],
)
def test_whatever_the_reader_does_is_told_with_the_file(
    made: list[Helper], program: str, code: str, said: str
) -> None:
    helper = Helper(0.5, [sys.executable, "-c", program])
    made.append(helper)
    for _ in range(2):  # each question starts another
        with pytest.raises(InfrastructureError) as caught:
            helper.ask(QUESTION)
        assert caught.value.code == code
        assert said in caught.value.words
        assert str(QUESTION.master) in caught.value.words
        assert helper.pid is None


def test_a_program_that_is_missing(made: list[Helper]) -> None:
    helper = Helper(0.5, ["/nowhere/python"])
    made.append(helper)
    with pytest.raises(InfrastructureError, match="engine_failed"):
        helper.warm()


def test_the_real_reader_answers_and_is_kept(made: list[Helper]) -> None:
    helper = Helper(10.0)
    made.append(helper)
    answers = [helper.ask(QUESTION)]
    pid = helper.pid
    answers.append(helper.ask(QUESTION))
    assert helper.pid == pid
    assert all(isinstance(answer, Refused) and answer.code == "not_a_dataset" for answer in answers)


def test_the_reader_ends_itself_when_a_question_takes_too_long() -> None:
    program = (
        "import time, beampace.watch.reader as reader; "
        "reader.answer = lambda question: time.sleep(60); reader.main(0.3)"
    )
    line = QUESTION.model_dump_json() + "\n"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        process.stdin.write(line)
        process.stdin.flush()
        assert process.wait(30) == -signal.SIGALRM


@pytest.mark.parametrize("identity", ["a\0b", "x" * 1000, "\ud800", "a\nb"])
def test_identities_no_ledger_could_keep(identity: str) -> None:
    kept = harmless(identity)
    assert kept.startswith("odd-")
    assert kept != harmless(identity + "x")
    assert harmless("E-32-0001/series-7") == "E-32-0001/series-7"

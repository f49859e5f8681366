"""The daemon's log: JSON lines, rotated, without secrets."""

from __future__ import annotations

import json

import pytest

from beampace.service.logs import set_up, tear_down
from beampace.service.settings import LogSection


@pytest.fixture(autouse=True)
def _closed():
    yield
    tear_down()


def test_a_line_is_an_event_with_its_ids(tmp_path):
    log = set_up(LogSection(), tmp_path, terminal=False)
    log.bind(job="k").info("attempt.ended", code="merged")
    line = json.loads((tmp_path / "beampace.jsonl").read_text())
    assert {"event": "attempt.ended", "job": "k", "code": "merged", "level": "info"}.items() <= line.items()
    assert line["timestamp"].endswith("Z")


def test_secrets_are_hidden(tmp_path):
    log = set_up(LogSection(), tmp_path, terminal=False)
    log.info("x", token="abc123", url="postgresql://me:hush@host/db", ssh_key_path="shared/id_rsa")
    text = (tmp_path / "beampace.jsonl").read_text()
    assert not any(secret in text for secret in ("abc123", "hush", "id_rsa"))
    assert "host/db" in text


def test_the_log_is_put_aside_when_it_is_long(tmp_path):
    log = set_up(LogSection(max_mb=0.001, files=3), tmp_path, terminal=False)
    for number in range(100):
        log.info("a.line.of.some.length", number=number)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "beampace.jsonl",
        "beampace.jsonl.1",
        "beampace.jsonl.2",
    ]


def test_an_exception_is_told_with_its_trace(tmp_path):
    log = set_up(LogSection(), tmp_path, terminal=False)
    try:
        int("why")
    except ValueError:
        log.exception("turn.failed")
    assert "Traceback" in json.loads((tmp_path / "beampace.jsonl").read_text())["exception"]

import http.server
import json
import os
import stat
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from beampace.core.errors import InfrastructureError, InputError
from beampace.core.taxonomy import Failure
from beampace.service.hook_calls import check_url, post_json, run_command
from beampace.service.hooks import HookPlan, Hooks, checked_plan
from tests.support.serving import until

DOCUMENT = {
    "id": "0123456789abcdef",
    "directory": "/p/processed/s/beampace/process_001",
    "words": "good; $(rm)",
}


def script(tmp_path, body, name="hook"):
    path = tmp_path / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@contextmanager
def hooks(**plan):
    made = Hooks(HookPlan(**({"pauses_s": (0.02, 0.02), "timeout_s": 20.0} | plan)))
    try:
        yield made
    finally:
        made.close()


def ended(made, count=1):
    found = []

    def enough():
        found.extend(made.ended())
        return len(found) >= count

    until(enough)
    return found


def test_a_command_gets_the_directory_the_document_and_the_id(tmp_path):
    out = tmp_path / "out"
    command = script(
        tmp_path, f'printf "%s|%s|" "$1" "$2" > {out}; cat >> {out}; echo "|$BEAMPACE_RESULT" >> {out}'
    )
    with hooks(command=(command, "-x")) as made:
        made.submit(7, DOCUMENT)
        (told,) = ended(made)
    assert (told.result, told.failures) == (7, ())
    option, directory, document, number = out.read_text().strip().split("|")
    assert (option, directory, number) == ("-x", DOCUMENT["directory"], DOCUMENT["id"])
    assert json.loads(document) == DOCUMENT


def test_a_command_sees_none_of_our_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("BEAMPACE_STORE__URL", "postgresql://secret")
    out = tmp_path / "out"
    run_command([script(tmp_path, f"env > {out}"), "/d"], b"{}", "k", 20)
    assert "secret" not in out.read_text()
    assert f"PATH={os.environ['PATH']}" in out.read_text()


def test_a_failure_is_tried_again_and_then_told(tmp_path):
    tries = tmp_path / "tries"
    command = script(tmp_path, f'echo x >> {tries}; echo "no logbook" >&2; exit 3')
    with hooks(command=(command,)) as made:
        made.submit(1, DOCUMENT)
        (told,) = ended(made)
    assert len(tries.read_text().split()) == 3
    assert "ended with 3: no logbook" in told.failures[0]


def test_a_try_that_succeeds_ends_the_tries(tmp_path):
    tries = tmp_path / "tries"
    command = script(tmp_path, f"echo x >> {tries}; [ $(wc -l < {tries}) -ge 2 ]")
    with hooks(command=(command,)) as made:
        made.submit(1, DOCUMENT)
        (told,) = ended(made)
    assert told.failures == ()
    assert len(tries.read_text().split()) == 2


def test_a_command_that_hangs_is_ended():
    with pytest.raises(InfrastructureError) as caught:
        run_command(["/bin/sleep", "300"], b"{}", "k", 0.3)
    assert caught.value.code is Failure.TIMED_OUT


def test_all_that_a_command_started_ends_with_it(tmp_path):
    pid, stop = tmp_path / "pid", threading.Event()
    command = script(
        tmp_path, f"trap '' TERM; sleep 300 & echo $! > {pid}.new; mv {pid}.new {pid}; sleep 300"
    )
    waiting = threading.Thread(target=lambda: (until(pid.exists), stop.set()))
    waiting.start()
    with pytest.raises(InfrastructureError):
        run_command([command, "/d"], b"{}", "k", 60, stop)
    waiting.join()
    until(lambda: gone(int(pid.read_text())))


def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1].startswith("Z")
    except FileNotFoundError:
        return True


def test_a_slow_command_holds_up_nobody_who_hands_in_or_closes(tmp_path):
    started = tmp_path / "started"
    with hooks(command=(script(tmp_path, f"touch {started}; sleep 300"),)) as made:
        made.submit(1, DOCUMENT)
        made.submit(1, DOCUMENT)
        made.submit(2, DOCUMENT)
        until(started.exists)
        assert made.ended() == ()
    assert made.ended() == ()  # not told: the next start tells it again


def test_output_without_end_is_not_kept_in_memory(tmp_path):
    command = script(tmp_path, "head -c 20000000 /dev/zero; echo last words; exit 1")
    with pytest.raises(InfrastructureError, match="last words") as caught:
        run_command([command, "/d"], b"{}", "k", 60)
    assert len(caught.value.words) < 1000


def test_a_program_that_is_not_there(tmp_path):
    with pytest.raises(InfrastructureError, match="cannot be started"):
        run_command([str(tmp_path / "none"), "/d"], b"{}", "k", 5)


def test_without_hooks_a_result_is_told_at_once():
    with hooks() as made:
        assert not made.wanted
        made.submit(5, DOCUMENT)
        assert [told.result for told in made.ended()] == [5]


class Listener(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.codes.pop(0) if self.server.codes else 200)
        if self.path == "/moved":
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_):
        pass


@contextmanager
def listening(*codes):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        server.got, server.codes = [], list(codes)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_post_is_repeated_until_it_is_taken_under_one_id():
    with listening(500, 503) as (server, url), hooks(url=f"{url}/results") as made:
        made.submit(1, DOCUMENT)
        (told,) = ended(made)
    assert told.failures == ()
    assert len(server.got) == 3
    assert {headers["Idempotency-Key"] for _, headers, _ in server.got} == {DOCUMENT["id"]}
    assert json.loads(server.got[-1][2]) == DOCUMENT


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(code):
    with listening(code) as (server, url), pytest.raises(InfrastructureError, match=f"answered {code}"):
        post_json(f"{url}/moved", b"{}", "k", 20)
    assert len(server.got) == 1


def test_a_closed_port_is_a_failure_without_the_query():
    with pytest.raises(InfrastructureError) as caught:
        post_json("http://127.0.0.1:1/secret?key=secret", b"{}", "k", 5)
    assert "secret" not in caught.value.words


@pytest.mark.parametrize(
    "url",
    [
        "http://logbook.example/x", "ftp://localhost/x", "file:///etc/passwd", "https://", "nonsense",
        "https://user:secret@host/x", "https://host:secret/x", "http://localhost.example/x", "https://h:x/", "http://[::1/",
    ],
)  # fmt: skip
def test_an_address_that_would_leak_is_refused(url):
    with pytest.raises(InputError, match=r"results\.hooks\.url") as caught:
        check_url(url)
    assert "secret" not in caught.value.words


def test_allowed_addresses_and_commands():
    for url in (
        "https://logbook.example/x",
        "http://localhost:8080/",
        "http://127.0.0.1/",
        "http://[::1]:5/",
    ):
        assert checked_plan((), url).url == url
    assert checked_plan(("/usr/bin/true",), "").command == ("/usr/bin/true",)
    with pytest.raises(InputError, match="absolute"):
        checked_plan(("true",), "")

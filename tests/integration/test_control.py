"""The Unix socket: real sockets, real peers."""

import json
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from beampace.core.errors import BeampaceError, InfrastructureError, InputError
from beampace.core.taxonomy import Failure
from beampace.service.socket_client import ask
from beampace.service.socket_place import answers, short_address
from beampace.service.socket_server import MOST, Allowed, serve_control
from beampace.web import AnnounceRequest, ControlTwin, PingRequest, StatusRequest
from tests.support.serving import running, until

PYTHON = shutil.which("python3", path="/usr/bin:/bin")
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0 or PYTHON is None, reason="only root can become another user")


@contextmanager
def served(control, path, allowed=None, **options):
    with running(lambda: serve_control(control, path, allowed, **options)):
        yield path


def raw(path, data, *, shut=False):
    """What the server says to bytes of ours."""
    with short_address(path) as address, socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(address)
        with suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(data)
        if shut:
            client.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while piece := client.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
    return json.loads(received)


def test_a_request_is_answered_and_the_socket_goes_with_the_server(tmp_path):
    control, path = ControlTwin(), tmp_path / "state" / "control.sock"
    with served(control, path):
        assert ask(path, PingRequest()).pid == os.getpid()
        assert ask(path, AnnounceRequest(path="/a/b_master.h5")).news == "new"
        assert ask(path, AnnounceRequest(path="/a/b_master.h5")).news == "same"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.exists()
    assert [type(one) for one in control.asked] == [PingRequest, AnnounceRequest, AnnounceRequest]


def test_a_path_longer_than_a_socket_address_may_be(tmp_path):
    path = tmp_path / ("x" * 120) / "control.sock"
    with served(ControlTwin(), path):
        assert ask(path, PingRequest()).healthy


def test_no_daemon_is_said_with_the_socket_and_what_to_do(tmp_path):
    for path in (tmp_path / "control.sock", tmp_path / "nowhere" / "control.sock"):
        with pytest.raises(InfrastructureError) as caught:
            ask(path, PingRequest())
        assert caught.value.code is Failure.DAEMON_MISSING
        assert str(path) in caught.value.words
        assert "beampace serve" in caught.value.next_step


def test_the_socket_of_a_dead_daemon_is_taken_over(tmp_path):
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead, short_address(path) as address:
        dead.bind(address)
    assert path.exists()
    assert not answers(path)
    with served(ControlTwin(), path):
        assert ask(path, PingRequest()).healthy


def test_a_second_daemon_is_refused_and_the_first_goes_on(tmp_path):
    path = tmp_path / "control.sock"
    with served(ControlTwin(), path):
        with pytest.raises(InputError, match="Another daemon"), served(ControlTwin(), path):
            pass
        path.with_name("control.sock.lock").unlink()  # even without the lock: somebody answers
        with pytest.raises(InputError, match="Another daemon"), served(ControlTwin(), path):
            pass
        assert ask(path, PingRequest()).healthy


def test_what_is_no_socket_is_left_alone(tmp_path):
    path = tmp_path / "control.sock"
    path.write_text("mine")
    with pytest.raises(InputError, match="not a socket"), served(ControlTwin(), path):
        pass
    assert path.read_text() == "mine"


def test_a_directory_others_may_write_to_is_refused(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with (
        pytest.raises(InputError, match="mode 0777"),
        served(ControlTwin(), tmp_path / "open" / "control.sock"),
    ):
        pass


@pytest.mark.parametrize(
    ("data", "shut", "says"),
    [
        (b"nonsense\n", False, "Invalid JSON"),
        (b"\x00\xff\x80\n", False, "JSON"),
        (b'{"do": "status"}', True, "line feed"),
        (b"", True, "line feed"),
        (b"[" * 60_000 + b"\n", False, "request"),
        (b"x" * 200_000 + b"\n", False, "longer than 65536"),
        (b'{"do": "status", "beamtime": "' + b"1" * 70_000 + b'"}\n', False, "longer than 65536"),
    ],
)
def test_garbage_is_answered_in_words_and_hurts_nobody(tmp_path, data, shut, says):
    control, path = ControlTwin(), tmp_path / "control.sock"
    with served(control, path):
        answer = raw(path, data, shut=shut)
        assert (answer["answer"], answer["code"]) == ("error", "bad_request")
        assert says in answer["words"]
        assert control.asked == []
        assert ask(path, PingRequest()).healthy


def test_a_silent_caller_is_sent_away(tmp_path):
    path = tmp_path / "control.sock"
    with served(ControlTwin(), path, read_s=0.3):
        assert "No request came" in raw(path, b'{"do"')["words"]


def test_silent_callers_do_not_lock_others_out(tmp_path):
    path = tmp_path / "control.sock"
    with served(ControlTwin(), path, read_s=0.5), short_address(path) as address:
        silent = [socket.socket(socket.AF_UNIX) for _ in range(MOST + 8)]
        try:
            for one in silent:
                one.connect(address)
            assert ask(path, PingRequest(), patience_s=20).healthy
        finally:
            for one in silent:
                one.close()


def test_callers_are_served_side_by_side(tmp_path):
    path, gate = tmp_path / "control.sock", threading.Event()

    def wait_for_status(request):
        if isinstance(request, StatusRequest):
            assert gate.wait(20)

    control = ControlTwin(before=wait_for_status)
    with served(control, path):
        slow = threading.Thread(target=ask, args=(path, StatusRequest()))
        slow.start()
        until(lambda: control.asked)
        assert ask(path, PingRequest()).healthy
        gate.set()
        slow.join(20)
        assert not slow.is_alive()


def test_a_daemon_that_does_not_answer_in_time_is_said(tmp_path):
    path, gate = tmp_path / "control.sock", threading.Event()
    with served(ControlTwin(before=lambda _: gate.wait(20)), path):
        with pytest.raises(InfrastructureError) as caught:
            ask(path, PingRequest(), patience_s=0.3)
        gate.set()
    assert caught.value.code is Failure.TIMED_OUT


def test_what_the_daemon_refuses_comes_back_in_its_words(tmp_path):
    def refuse(_):
        raise InputError(Failure.NOT_A_DATASET, "/a/b.h5 is text.", "Give a master.")

    path = tmp_path / "control.sock"
    with served(ControlTwin(before=refuse), path), pytest.raises(BeampaceError) as caught:
        ask(path, StatusRequest())
    assert type(caught.value) is InputError
    assert (caught.value.detail, caught.value.next_step) == ("/a/b.h5 is text.", "Give a master.")


CLIENT = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
try:
    client.connect(sys.argv[1])
except PermissionError:
    print("permission"); sys.exit()
try:
    client.sendall(b'{"do": "ping"}\\n')
except BrokenPipeError:
    pass
print(client.makefile().readline())
"""


@contextmanager
def passable_directory():
    directory = Path(tempfile.mkdtemp(prefix="beampace-control-", dir="/tmp"))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def ask_as(path, uid, groups=()):
    """What another user is told."""
    return subprocess.run(
        [PYTHON, "-c", CLIENT, str(path)],
        user=uid,
        group=uid,
        extra_groups=list(groups),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout


@as_root
def test_other_users_do_not_even_reach_the_socket():
    control = ControlTwin()
    with passable_directory() as directory, served(control, directory / "control.sock") as path:
        assert ask_as(path, NOBODY).strip() == "permission"
    assert control.asked == []


@as_root
@pytest.mark.parametrize(
    ("allowed", "groups", "let_in"),
    [
        (Allowed(users=frozenset({NOBODY})), (), True),
        (Allowed(users=frozenset({4242})), (), False),
        (Allowed(groups=frozenset({4243})), (4243,), True),
        (Allowed(groups=frozenset({NOBODY})), (), True),
        (Allowed(groups=frozenset({4243})), (4244,), False),
    ],
)
def test_a_user_is_let_in_by_the_list_alone(allowed, groups, let_in):
    control = ControlTwin()
    with passable_directory() as directory, served(control, directory / "control.sock", allowed) as path:
        answer = json.loads(ask_as(path, NOBODY, groups))
        assert answer["answer"] == ("pong" if let_in else "error")
        assert len(control.asked) == let_in
        if not let_in:
            assert f"User number {NOBODY} may not" in answer["words"]
        assert ask(path, PingRequest()).healthy  # the daemon's own user always may


@as_root
def test_allowed_users_that_could_not_pass_are_told_at_the_start(tmp_path):
    (tmp_path / "closed").mkdir(mode=0o700)
    path = tmp_path / "closed" / "control.sock"
    with (
        pytest.raises(InputError, match="chmod 711"),
        served(ControlTwin(), path, Allowed(frozenset({NOBODY}))),
    ):
        pass


def test_names_of_accounts_become_numbers():
    assert Allowed.of(["root"], ["root"]) == Allowed(frozenset({0}), frozenset({0}))
    with pytest.raises(InputError, match="no-such-user"):
        Allowed.of(["no-such-user"])

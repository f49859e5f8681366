"""The ssh transport against a server in this process: who is let in, what breaks, what is said then."""

import asyncio
import socket
import threading
import time

import asyncssh
import pytest

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm import SshSettings, SshTransport, Unreachable
from beampace.cluster.slurm.line import host_and_port
from beampace.core.errors import BeampaceError, InfrastructureError
from beampace.core.taxonomy import Failure

ACCOUNT = "bttest04"


class Server:
    """An ssh server that answers in Python; `handler` is given a process."""

    def __init__(self, key, root):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.root = root
        (root / "authorized").write_bytes(key.export_public_key())
        self.connections = []
        self.most, self.now = 0, 0
        self.port = self.call(self.start(0))

    async def start(self, port):
        self.acceptor = await asyncssh.listen(
            "127.0.0.1",
            port,
            server_host_keys=[self.host_key],
            authorized_client_keys=str(self.root / "authorized"),
            process_factory=self.process,
            encoding=None,
            server_factory=lambda: Watcher(self),
        )
        return self.acceptor.get_port()

    async def process(self, process):
        self.now += 1
        self.most = max(self.most, self.now)
        words = process.command
        try:
            if words == "cat":
                process.stdout.write(await process.stdin.read())
            elif words == "hang":
                await asyncio.sleep(60)
            elif words == "short":
                await asyncio.sleep(0.1)
            elif words == "cut":
                process.get_extra_info("connection").abort()
                return
            else:
                process.stderr.write(words.encode())
            process.exit(3 if words == "three" else 0)
        finally:
            self.now -= 1

    def call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    async def stop(self):
        self.acceptor.close()
        for connection in self.connections:
            connection.abort()
        await self.acceptor.wait_closed()

    def close(self):
        self.call(self.stop())
        self.call(asyncio.sleep(0.05))
        self.call(cancel_rest())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()

    @property
    def pinned(self):
        public = self.host_key.export_public_key().decode()
        return f"[127.0.0.1]:{self.port} {public}"


async def cancel_rest():
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


class Watcher(asyncssh.SSHServer):
    def __init__(self, server):
        self.server = server

    def connection_made(self, connection):
        self.server.connections.append(connection)


@pytest.fixture(scope="module")
def key():
    return asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture
def server(key, tmp_path):
    one = Server(key, tmp_path)
    yield one
    one.close()


class Client:
    def __init__(self, server, key, root):
        self.path = root / "id"
        self.path.write_bytes(key.export_private_key())
        self.path.chmod(0o600)
        self.hosts = root / "known_hosts"
        self.hosts.write_text(server.pinned)
        self.granted = self.grant(f"127.0.0.1:{server.port}")
        self.made = []

    def grant(self, *gateways, account=ACCOUNT):
        return OnlineResources(account, self.path, "11010000", "p", gateways)

    def transport(self, **settings):
        values = {"connect_s": 5.0, "pauses_s": (0.05, 0.1), **settings}
        one = SshTransport(lambda: self.granted, SshSettings(self.hosts, **values))
        self.made.append(one)
        return one


@pytest.fixture
def client(server, key, tmp_path):
    one = Client(server, key, tmp_path)
    yield one
    for transport in one.made:
        transport.close()


def test_input_output_and_exit_code(client):
    transport = client.transport()
    data = b"\0\xff line\n" * 100_000
    assert transport.run(["cat"], b"hello").stdout == "hello"
    assert len(transport.run(["cat"], data).stdout) == len(data)
    done = transport.run(["three"])
    assert (done.exit, done.stderr) == (3, "three")


def test_words_arrive_as_they_were_given(client):
    words = ["--output=/a b/$(x);'q'\n%j", "-rf", ""]
    assert client.transport().run(words).stderr == """'--output=/a b/$(x);'"'"'q'"'"'\n%j' -rf ''"""


def test_one_connection_for_all_commands_and_eight_channels_at_most(client, server):
    transport = client.transport(channels=8)
    threads = [threading.Thread(target=transport.run, args=(["short"],)) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(server.connections) == 1
    assert server.most == 8


def test_gateways_are_tried_in_turn(client, server):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        deaf = f"127.0.0.1:{closed.getsockname()[1]}"
        client.granted = client.grant(deaf, f"127.0.0.1:{server.port}")
        transport = client.transport()
        assert transport.run(["x"]).exit == 0
        assert transport.gateway == f"127.0.0.1:{server.port}"


def test_a_gateway_that_is_away_is_not_stormed_and_reached_when_it_is_back(client, server):
    transport = client.transport(pauses_s=(30.0, 30.0))
    server.call(server.stop())
    for _ in range(20):
        with pytest.raises(Unreachable, match="does not answer"):
            transport.run(["x"])
    server.call(server.start(server.port))
    transport._line._not_before = 0.0  # the pause is over
    assert transport.run(["x"]).exit == 0


def test_a_command_whose_connection_broke_may_have_run(client, server):
    transport = client.transport()
    with pytest.raises(InfrastructureError, match="not known") as caught:
        transport.run(["cut"])
    assert not isinstance(caught.value, Unreachable)
    assert caught.value.code is Failure.NODE_LOST
    assert transport.run(["x"]).exit == 0
    assert len(server.connections) == 2


def test_a_command_without_an_end_is_given_up_and_the_connection_kept(client, server):
    transport = client.transport()
    began = time.monotonic()
    with pytest.raises(InfrastructureError, match="no answer within"):
        transport.run(["hang"], b"", 0.3)
    assert time.monotonic() - began < 5
    assert transport.run(["x"]).exit == 0
    assert len(server.connections) == 1


def test_an_unknown_host_key_is_refused(client):
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    client.hosts.write_text(client.hosts.read_text().split()[0] + " " + other)
    with pytest.raises(Unreachable, match="host key"):
        client.transport().run(["x"])
    client.hosts.write_text("")
    with pytest.raises(Unreachable, match="host key"):
        client.transport().run(["x"])
    client.hosts.unlink()
    with pytest.raises(Unreachable, match="pinned host keys"):
        client.transport().run(["x"])


def test_a_foreign_key_is_not_let_in(client):
    client.path.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    with pytest.raises(Unreachable, match="does not let bttest04 in"):
        client.transport().run(["x"])


def test_the_key_is_read_at_each_connection_and_forgotten_at_the_end(client, server):
    transport = client.transport()
    assert transport.run(["x"]).exit == 0
    client.path.unlink()
    assert transport.run(["x"]).exit == 0  # the connection is there
    client.granted = None
    with pytest.raises(BeampaceError) as caught:
        transport.run(["x"])
    assert caught.value.code is Failure.BEAMTIME_CLOSED
    assert transport._thread is None
    client.granted = client.grant(*server_of(server))
    with pytest.raises(Unreachable, match="cannot be read"):
        transport.run(["x"])


def server_of(server):
    return (f"127.0.0.1:{server.port}",)


def test_another_account_gets_another_connection(client, server):
    transport = client.transport()
    assert transport.run(["x"]).exit == 0
    client.granted = client.grant(f"localhost:{server.port}", *client.granted.nodes)
    client.hosts.write_text(server.pinned + server.pinned.replace("127.0.0.1", "localhost"))
    assert transport.run(["x"]).exit == 0
    assert transport.gateway.startswith("localhost")
    assert len(server.connections) == 2


def test_close_lets_a_waiting_command_go(client):
    transport = client.transport()
    caught = []

    def wait():
        try:
            transport.run(["hang"])
        except InfrastructureError as error:
            caught.append(error)

    assert transport.run(["x"]).exit == 0
    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.2)
    transport.close()
    thread.join(10)
    assert not thread.is_alive()
    assert [error.code for error in caught] == [Failure.NODE_LOST]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("a", "a", 22),
        ("a:2222", "a", 2222),
        ("[::1]:5", "::1", 5),
        ("::1", "::1", 22),
        ("a.b-c:x", "a.b-c:x", 22),
    ],
)
def test_gateways_with_and_without_port(text, host, port):
    assert host_and_port(text, 22) == (host, port)

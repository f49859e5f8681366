"""Questions to slurmrestd by HTTP: what goes over the line, and the token that must go nowhere else."""

import base64
import http.server
import json
import socket
import ssl
import stat
import threading
import time
import traceback
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from beampace.cluster.slurm import Unreachable
from beampace.cluster.slurm.rest_http import Answer, Question, RestHttp
from beampace.cluster.slurm.rest_settings import RestSettings, base_of, version_of
from beampace.cluster.slurm.rest_token import Token, read_token
from beampace.core.errors import InfrastructureError, InputError
from beampace.core.taxonomy import Failure

SECRET = "c2VjcmV0"
JOBS = Question("GET", "/slurm/v0.0.38/jobs", "bttest04")


def jwt(claims=None):
    payload = base64.urlsafe_b64encode(json.dumps(claims or {"sun": "bttest04"}).encode()).decode()
    return f"eyJhbGciOiJIUzI1NiJ9.{payload.rstrip('=')}.{SECRET}"


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text(jwt() + "\n")
    path.chmod(0o600)
    return path


class Server:
    """Answers as it is told; remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.answer = (200, {}, b"{}")
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                size = int(self.headers.get("Content-Length") or 0)
                outer.asked.append((self.command, self.path, dict(self.headers), self.rfile.read(size)))
                status, headers, body = outer.answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_DELETE = do_GET

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.http.server_port


@contextmanager
def serving(context=None):
    server = Server()
    if context is not None:
        server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()


@contextmanager
def raw(handle):
    """A port at which `handle` gets each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    handle(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def client(port, token, **values):
    chosen = {"url": f"http://127.0.0.1:{port}", "allow_http": True, "timeout_s": 2.0, **values}
    return RestHttp(RestSettings(token_file=token, **chosen))


def everything_of(error):
    """All that a log could show of an error: words, causes, and the variables of every frame."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(shown.format()) + repr(error) + str(error.__dict__)


def test_what_goes_over_the_line(token):
    with serving() as server:
        server.answer = (200, {}, b'{"jobs": []}')
        there = client(server.port, token, url=f"http://127.0.0.1:{server.port}/sapi/")
        query = {"job_name": "a,b c"}
        assert there.ask(Question("GET", "/slurmdb/v0.0.38/jobs", "u", query)) == Answer(200, '{"jobs": []}')
        there.ask(Question("POST", "/slurm/v0.0.38/job/submit", "u", body=b"{}"))
    (method, path, headers, body), (_, _, posted, sent) = server.asked
    assert (method, path, body) == ("GET", "/sapi/slurmdb/v0.0.38/jobs?job_name=a%2Cb+c", b"")
    assert headers["X-SLURM-USER-NAME"] == "u"
    assert headers["X-SLURM-USER-TOKEN"] == jwt()
    assert (posted["Content-Type"], sent) == ("application/json", b"{}")


def test_a_token_that_was_renewed_is_used_at_once(token):
    with serving() as server:
        there = client(server.port, token)
        there.ask(JOBS)
        token.write_text(f"SLURM_JWT={jwt({'sun': 'new'})}\n")
        there.ask(JOBS)
    used = [headers["X-SLURM-USER-TOKEN"] for _, _, headers, _ in server.asked]
    assert used == [jwt(), jwt({"sun": "new"})]


def test_a_redirect_is_an_answer_and_is_not_followed(token):
    with serving() as other, serving() as server:
        server.answer = (302, {"Location": f"http://127.0.0.1:{other.port}/"}, b"")
        assert client(server.port, token).ask(JOBS).status == 302
    assert other.asked == []


def test_no_proxy_of_the_environment_is_used(token, monkeypatch):
    with serving() as proxy, serving() as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        client(server.port, token).ask(JOBS)
    assert (len(server.asked), proxy.asked) == (1, [])


def test_nobody_there_means_that_it_was_not_asked(token):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match="refused"):
        client(port, token).ask(JOBS)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{}",
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
def test_an_answer_that_breaks_off_leaves_open_what_was_done(token, said):
    with raw(lambda connection: connection.sendall(said)) as port:
        for method in ("GET", "POST"):
            with pytest.raises(InfrastructureError) as caught:
                client(port, token).ask(Question(method, "/slurm/v0.0.38/job/submit", "u"))
            assert not isinstance(caught.value, Unreachable)
            assert caught.value.code is Failure.NODE_LOST
            assert ("not known" in caught.value.words) == (method == "POST")


def test_an_answer_that_does_not_come_or_drips_is_not_awaited(token):
    def drip(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            try:
                connection.sendall(b"x")
            except OSError:
                return
            time.sleep(0.05)

    for handle in (drip, lambda connection: time.sleep(2)):
        with raw(handle) as port:
            began = time.monotonic()
            with pytest.raises(InfrastructureError, match="too long"):
                client(port, token, timeout_s=0.3).ask(JOBS)
            assert time.monotonic() - began < 2


def test_an_answer_without_end_is_cut(token):
    with serving() as server:
        server.answer = (200, {}, b"x" * 5000)
        with pytest.raises(InfrastructureError, match="longer than 4000 bytes"):
            client(server.port, token, most_bytes=4000).ask(JOBS)
        assert len(client(server.port, token, most_bytes=5000).ask(JOBS).text) == 5000


def test_threads_do_not_meet(token):
    with serving() as server:
        there = client(server.port, token)
        threads = [threading.Thread(target=there.ask, args=(JOBS,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.asked) == 20


def certificate(directory):
    """A certificate for 127.0.0.1 that nobody has signed, and its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rest")]), datetime.now(UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(host, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "rest.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(built.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*form))
    return path


def test_a_certificate_that_is_not_trusted_gets_no_token(token, tmp_path):
    path = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with serving(context) as server:
        url = f"https://127.0.0.1:{server.port}"
        with pytest.raises(Unreachable, match="not trusted"):
            client(server.port, token, url=url, allow_http=False).ask(JOBS)
        assert server.asked == []
        trusting = client(server.port, token, url=url, allow_http=False, ca_file=path)
        assert trusting.ask(JOBS).status == 200


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://rest.example.org/sapi", "https://rest.example.org:443/sapi"),
        ("https://rest.example.org:6820/", "https://rest.example.org:6820"),
        ("http://127.0.0.1:6820", "http://127.0.0.1:6820"),
        ("http://localhost", "http://localhost:80"),
        ("http://[::1]:6820", "http://[::1]:6820"),
    ],
)
def test_addresses(url, base, token):
    assert str(base_of(RestSettings(url, token, allow_http=True))) == base


@pytest.mark.parametrize(
    "url",
    [
        "http://rest.example.org",  # not encrypted, not this machine
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "unix:///run/slurmrestd",
        "rest.example.org",
        "https://",
        "https://a b/",
        "https://rest.example.org/a b",
        "https://rest.example.org/../x?y",
        "https://rest.example.org:x",
        "https://[::1",
        "https://ä.example.org",
        f"https://u:{SECRET}@rest.example.org",
    ],
)
def test_addresses_that_are_refused(url, token):
    with pytest.raises(InputError) as caught:
        base_of(RestSettings(url, token, allow_http=True))
    assert caught.value.code is Failure.BAD_REQUEST
    assert SECRET not in str(caught.value)


def test_http_without_encryption_must_be_allowed_even_for_this_machine(token):
    with pytest.raises(InputError, match="unencrypted"):
        base_of(RestSettings("http://127.0.0.1:6820", token))


def test_versions(token):
    assert version_of(RestSettings("https://x", token)) is None
    assert version_of(RestSettings("https://x", token, "v0.0.38")) == 38
    for version in ("v0.0.37", "v0.0.45", "0.0.38", "38", "v0.0.38/../x"):
        with pytest.raises(InputError, match=r"v0\.0\.44"):
            version_of(RestSettings("https://x", token, version))


def test_tokens_as_slurm_prints_them(token):
    for text in (jwt(), f"SLURM_JWT={jwt()}\n", f" SLURM_TOKEN={jwt()} \n"):
        token.write_text(text)
        assert read_token(token) == Token(jwt())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_token_that_others_may_read_is_refused_unless_allowed(token, mode):
    token.chmod(mode)
    with pytest.raises(Unreachable, match=f"{mode:04o}"):
        read_token(token)
    assert read_token(token, allow_open=True)
    assert stat.S_IMODE(token.stat().st_mode) == mode


def test_links_directories_and_nothing_are_no_token(token, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(token)
    with pytest.raises(Unreachable, match="link"):
        read_token(link)
    with pytest.raises(Unreachable, match="plain file"):
        read_token(tmp_path)
    with pytest.raises(Unreachable, match="gone"):
        read_token(tmp_path / "gone")


@pytest.mark.parametrize(
    "text", ["", SECRET, f"{SECRET}\r\nX-A: b", f"{jwt()}\r\nX-A: b", f"{jwt()} {SECRET}", f"a.b.{SECRET}é"]
)
def test_what_is_no_token_is_not_sent_and_not_quoted(token, text):
    token.write_text(text)
    with serving() as server:
        there = client(server.port, token)
        with pytest.raises(Unreachable, match="no token") as caught:
            there.ask(JOBS)
    assert server.asked == []
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("claims", "ends"), [({"exp": 1800000000}, 1.8e9), ({}, None), ([], None), ({"exp": "x"}, None)]
)
def test_until_when_a_token_is_good(claims, ends):
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    assert Token(f"a.{payload}.c").ends == ends


def test_a_token_of_rubbish_ends_never():
    assert [Token(text).ends for text in ("a.b.c", "a.!.c", "a..c")] == [None, None, None]


def test_the_token_is_in_no_representation(token):
    settings = RestSettings("https://x", token, environment={"A_SECRET": SECRET})
    assert SECRET not in repr(settings) + repr(read_token(token)) + str(read_token(token))
    assert SECRET not in repr(RestHttp(settings)) + repr(JOBS)


def test_an_answer_that_repeats_the_token_does_not_get_it_through(token):
    with serving() as server:
        server.answer = (400, {}, f'{{"errors": [{{"error": "bad header {jwt()}"}}]}}'.encode())
        answer = client(server.port, token).ask(JOBS)
    assert SECRET not in answer.text
    assert "bad header ***" in answer.text


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"TOKEN\r\n\r\n",
        b"HTTP/1.1 TOKEN\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nTOKEN",
    ],
)
def test_the_token_is_in_no_error(token, said):
    def repeat(connection):
        connection.sendall(said.replace(b"TOKEN", jwt().encode()))

    with raw(repeat) as port, pytest.raises(InfrastructureError) as lost:
        client(port, token).ask(JOBS)
    with pytest.raises(Unreachable) as nobody:
        client(port, token).ask(JOBS)
    assert SECRET not in everything_of(lost.value) + everything_of(nobody.value)

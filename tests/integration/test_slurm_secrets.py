"""No key, token or password in log, page, store, job directory, queue or process: a beamtime is searched.

What is searched for: the beamtime's private key, the token of slurmrestd, the tokens of the HTTP interface,
and passwords in addresses that the environment gives. The search can fail: what is planted is found.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from beampace.core.job import JobState
from beampace.service.places import TOKENS
from beampace.simulate.beamtime.daemon import Daemon
from tests.support.replay import ledger_of
from tests.support.slurm_lab import GROUP, running_lab
from tests.support.slurm_play import play, scan, script_of
from tests.support.slurm_site import SlurmSite, slurm_site
from tools.lab import faults, processes
from tools.lab.lab import Lab
from tools.lab.plan import Plan

pytestmark = [pytest.mark.xdist_group(GROUP), pytest.mark.timeout(300)]

STORE_PASSWORD, HOOK_PATH, HOOK_KEY = (
    "storePa55wordOfTheTest",
    "hookPathOfTheTest88",
    "hookKeyOfTheTest77",
)
LOST_TOKEN = "aTokenInAnAddress" * 2
LONG = 24
"""Characters from which on a line of a key is nobody else's."""
MAX_BYTES = 200_000_000

Needles = Mapping[str, bytes]


@dataclass(frozen=True)
class SecretSite(SlurmSite):
    """A site with every kind of secret."""

    @property
    def hidden(self) -> Path:
        """Where secrets may lie."""
        return self.base / "secrets"

    @property
    def cluster(self) -> str:
        return f'{super().cluster}rest_url = "{self.lab.rest_url}"\nrest_token = "{self.hidden / "rest"}"\n'

    @property
    def environment(self) -> dict[str, str]:
        """Variables of the daemon."""
        return {
            "BEAMPACE_STORE__URL": f"sqlite:///{self.state_dir}/ledger.sqlite?password={STORE_PASSWORD}",
            "BEAMPACE_RESULTS__HOOKS__URL": f"http://127.0.0.1:9/{HOOK_PATH}?key={HOOK_KEY}",
        }

    def prepare(self) -> None:
        super().prepare()
        self.hidden.mkdir(mode=0o700)
        (self.hidden / "rest").touch(mode=0o600)
        (self.hidden / "rest").write_text(self.lab.token())

    def secrets(self) -> dict[str, bytes]:
        """What is found nowhere: name to a piece of it."""
        key = (self.lab.place.current / "shared/id_rsa").read_text().splitlines()
        lines = {f"private key, line {n}": line for n, line in enumerate(key) if _is_secret(line)}
        tokens = (
            line.split() for line in (self.state_dir / TOKENS).read_text().splitlines() if line[:1] != "#"
        )
        http = {f"HTTP token ({role})": token for role, token in tokens}
        token = (self.hidden / "rest").read_text()
        rest = {"token of slurmrestd": token, "its signature": token.split(".")[-1]}
        planted = {
            "password of the store": STORE_PASSWORD,
            "path of the hook": HOOK_PATH,
            "key of the hook": HOOK_KEY,
            "token in an address": LOST_TOKEN,
        }
        return {name: text.encode() for name, text in (lines | http | rest | planted).items()}


def _is_secret(line: str) -> bool:
    return len(line) >= LONG and not line.startswith("-----")


@dataclass
class Search:
    """Looks for secrets, and remembers where which was found and how much was looked at."""

    needles: Needles
    found: set[tuple[str, str]] = field(default_factory=set)
    looked: set[str] = field(default_factory=set)

    def text(self, where: str, content: bytes) -> None:
        self.looked.add(where)
        self.found |= {(where, name) for name, needle in self.needles.items() if needle in content}

    def files(self, root: Path, spared: Iterable[Path] = ()) -> None:
        """Every file below a directory but those that may hold secrets; names and links, too."""
        kept = set(spared)
        for place, folders, names in os.walk(root):
            folders[:] = [name for name in folders if Path(place, name) not in kept]
            for path in (Path(place, name) for name in (*names, *folders) if Path(place, name) not in kept):
                link = path.readlink() if path.is_symlink() else ""
                self.text(f"name of {path}", os.fsencode(f"{path} {link}"))
                if path.is_file() and not path.is_symlink():
                    assert path.stat().st_size < MAX_BYTES
                    self.text(str(path), path.read_bytes())

    def processes(self, spared: Iterable[int] = ()) -> None:
        """Command lines of all that runs, and environments but those of the daemon and its helpers.

        Jobs are nobody's children here: they come in through ssh.
        """
        kept = {os.getpid(), *processes.trees(spared)}
        for pid in (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()):
            content = {kind: _read(Path(f"/proc/{pid}/{kind}")) for kind in ("cmdline", "environ")}
            kind = "a job" if b"BEAMPACE_ATTEMPT=" in content["environ"] else "a process"
            self.text(f"command line of {kind}", content["cmdline"])
            if pid not in kept:
                self.text(f"environment of {kind}", content["environ"])

    def queue(self, lab: Lab) -> None:
        """What Slurm shows of jobs, steps and nodes."""
        for words in (
            ["scontrol", "-d", "show", "job"],
            ["scontrol", "show", "step"],
            ["squeue", "-o", "%all"],
        ):
            said = lab.run(words, check=False).stdout
            self.text(" ".join(words), said.encode())
            if "bp" in said:
                self.looked.add(f"{words[0]} with jobs")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""


@dataclass
class Played:
    """A played beamtime and what the search found."""

    lab: Lab
    site: SecretSite
    search: Search
    jobs: int


@pytest.fixture(scope="module", params=["exclusive", "shared"])
def played(request: pytest.FixtureRequest) -> Iterator[Played]:
    with running_lab(Plan(shared=request.param == "shared")) as lab:
        site = slurm_site(lab, SecretSite, port=_free_port())
        search = Search(site.secrets())
        daemon = Daemon(site.argv, site.base, site.environment)
        plays = [scan(number, f"user1/lyso_{number}/scan", f"x{number}") for number in (1, 2)]
        next_look = 0.0

        def look() -> None:
            nonlocal next_look
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + 0.3
                search.processes([daemon.pid] if daemon.pid else [])
                search.queue(lab)

        def visit() -> None:
            faults.cut_connections(lab)
            pages(site, search)
            commands(site, search)

        play(site, script_of(plays), daemon, check=look, before_stop=visit)
        everywhere(lab, site, search)
        with ledger_of(site.state_dir) as ledger:
            ended = [job for job in ledger.jobs() if job.state is JobState.ENDED]
        yield Played(lab, site, search, len(ended))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pages(site: SecretSite, search: Search) -> None:
    """Every page, with a token that reads, one that does not, none, and one where it does not belong."""
    tokens = dict(
        line.split() for line in (site.state_dir / TOKENS).read_text().splitlines() if line[:1] != "#"
    )
    base = f"http://127.0.0.1:{site.port}"
    paths = (
        "/",
        "/api/status",
        "/healthz",
        "/metrics",
        "/api/openapi.json",
        "/nowhere",
        "/api/status?beamtime=%20",
    )
    for token in (tokens["read"], tokens["announce"], "x" * 40, ""):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with httpx.Client(base_url=base, headers=headers, timeout=20) as client:
            for path in (*paths, f"/api/status?token={LOST_TOKEN}"):
                answer = client.get(path)
                search.text(f"page {path.split('?')[0]}", f"{answer.headers}\n{answer.text}".encode())
            client.post("/api/announce", json={"path": "/nowhere", "token": LOST_TOKEN})
    headers = {"Authorization": f"Bearer {tokens['read']}"}
    with httpx.stream("GET", f"{base}/api/events", headers=headers, timeout=20) as stream:
        for line in stream.iter_lines():
            search.text("page /api/events", line.encode())
            if "job.ended" in line:
                break


def commands(site: SecretSite, search: Search) -> None:
    """What the commands say. The address of a hook is shown to who may read the configuration."""
    for words in (("status", "--json"), ("status",), ("config", "show"), ("config", "verify"), ("report",)):
        argv = [*site.argv[:3], *words, "--config", str(site.config)]
        done = subprocess.run(argv, env={**os.environ, **site.environment}, capture_output=True, check=False)
        said = done.stdout + done.stderr
        if words == ("config", "show"):
            said = said.replace(HOOK_PATH.encode(), b"").replace(HOOK_KEY.encode(), b"")
        search.text(f"beampace {' '.join(words)}", said)


def everywhere(lab: Lab, site: SecretSite, search: Search) -> None:
    """All files that daemon, jobs and Slurm left."""
    spared = (site.state_dir / TOKENS, site.hidden)
    search.files(site.base, spared)
    search.files(lab.place.files(lab.plan.beamtime) / "processed")
    for name in ("log", "state", "spool"):
        search.files(lab.place.root / name)


def test_no_secret_is_found_anywhere(played: Played) -> None:
    assert played.search.found == set()


def test_everything_was_looked_at(played: Played) -> None:
    looked, site = played.search.looked, played.site
    assert played.jobs == 4
    wanted = {
        "command line of a job",
        "environment of a job",
        "environment of a process",
        "scontrol with jobs",
        "squeue with jobs",
        "page /api/status",
        "page /api/events",
        "page /metrics",
        "beampace config show",
        str(site.state_dir / "ledger.sqlite"),
        str(site.state_dir / "log/beampace.jsonl"),
        str(site.base / "daemon_output.txt"),
        str(played.lab.place.log / "slurmctld.log"),
        str(played.lab.place.log / "sshd.log"),
    }
    assert wanted - looked == set()
    for name in ("order.json", "launch.json", "output.txt", "exit.json", "result.json", "log.txt"):
        assert [where for where in looked if where.endswith(f"/{name}")], name


def test_the_secrets_were_in_use(played: Played) -> None:
    """A hook was called, the key let the daemon in, and the pages asked for a token."""
    log = (played.site.state_dir / "log/beampace.jsonl").read_text()
    assert "a hook failed" in (played.site.base / "daemon_output.txt").read_text()
    assert "attempt.submitted" in log
    names = set(played.search.needles)
    assert {
        "HTTP token (read)",
        "HTTP token (announce)",
        "token of slurmrestd",
        "private key, line 1",
    } <= names


def test_what_is_planted_is_found(played: Played, tmp_path: Path) -> None:
    """In a file, in a name, in the bytes of a database, in a process, in the queue."""
    search = Search(played.search.needles)
    (tmp_path / "deep").mkdir()
    for number, (name, needle) in enumerate(search.needles.items()):
        (tmp_path / f"deep/{number}").write_bytes(b"\0\xff" + needle + b"\n" + name.encode())
    (tmp_path / f"{HOOK_KEY}.txt").touch()
    search.files(tmp_path)
    assert {name for _, name in search.found} == set(search.needles)
    assert (f"name of {tmp_path}/{HOOK_KEY}.txt", "key of the hook") in search.found
    search.found.clear()
    search.files(tmp_path, [tmp_path / "deep", tmp_path / f"{HOOK_KEY}.txt"])
    assert search.found == set()
    plant_in_processes(search)
    assert search.found == {
        ("command line of a process", "password of the store"),
        ("environment of a job", "token in an address"),
    }
    search.found.clear()
    plant_in_the_queue(played.lab, search)
    assert {name for where, name in search.found if where.startswith("scontrol")} == {"key of the hook"}


def plant_in_processes(search: Search) -> None:
    argv = ["/bin/sh", "-c", "sleep 20", "sh", STORE_PASSWORD]
    environment = {"BEAMPACE_ATTEMPT": "x", "SECRET": LOST_TOKEN}
    with subprocess.Popen(argv) as one, subprocess.Popen(["/bin/sleep", "20"], env=environment) as two:
        time.sleep(0.2)
        search.processes()
        one.kill()
        two.kill()


def plant_in_the_queue(lab: Lab, search: Search) -> None:
    words = ["sbatch", "--parsable", "--hold", f"--comment={HOOK_KEY}", "--output=/dev/null"]
    job = lab.run(words, lab.user, "#!/bin/sh\ntrue\n").stdout.strip()
    search.queue(lab)
    lab.run(["scancel", job])

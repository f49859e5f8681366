"""Names that would be commands: whatever a sample is called, nothing of it is executed.

Each dataset has its results, or is refused in words that name its file: by jobs and by steps of a real Slurm,
with a program of a recipe, which bash starts, and a hook.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from beampace.core.job import JobState
from beampace.simulate.beamtime.daemon import Daemon
from beampace.store import DatasetRow, JobRow, ResultRow
from beampace.watch.names import is_plain, spelt
from tests.support.replay import EVERY_FRAME, ledger_of
from tests.support.slurm_lab import GROUP, running_lab
from tests.support.slurm_play import play, scan, script_of
from tests.support.slurm_site import SlurmSite, slurm_site
from tools.lab.lab import Lab
from tools.lab.plan import Plan

pytestmark = [pytest.mark.xdist_group(GROUP), pytest.mark.timeout(400)]

PWNED = "bp_pwned_"
"""Beginning of the names of files that are made when a name is executed."""
NAMES = {
    "quotes": f"""it's "a b" 'touch {PWNED}1'""",
    "operators": f"x;touch {PWNED}2; x || touch {PWNED}3 | touch {PWNED}4 > {PWNED}5 &",
    "substitution": f"$(touch {PWNED}6) `touch {PWNED}7`",
    "newline": f"x\ntouch {PWNED}8\n",
    "escape": f"\x1b[2Jx;touch {PWNED}9",
    "options": "-rf --wrap=x",
    "patterns": "%j_%u_%x_%%",
    "unicode": "Müller_光",
    "right to left": "x\u202ey",
    "backslashes": f"a\\nb\\$(touch {PWNED}10)\\",
    "variables": f"${{HOME}}$PATH~root{{a,b}}*?[x] ${{x:=$(touch {PWNED}11)}}",
    "directives": "#SBATCH --output=x #",
    "markup": "<script>alert(1)<!-- &amp; {out}{{x}}{first",
    "long": "l" * 190,
    "longer": "L" * 205,
}
"""What datasets and the directories of their samples are called."""
REFUSED = {"newline", "escape", "right to left", "longer"}
"""Names that cannot be shown in one line of text, or with which paths would be too long."""
GROUPS = f"g$(touch {PWNED}12);touch {PWNED}13"
"""What a group is called, after its folder."""
PROGRAM = """import json, os, sys
from pathlib import Path
companion, out, name, directory = sys.argv[1:5]
ok = Path(companion).is_file() and Path(out).samefile(Path.cwd()) and Path(directory).is_dir()
ok = ok and os.environ["READY"] == "yes"
Path(out, "counts.json").write_text(json.dumps({"ok": ok, "name": name, "directory": directory}))
"""
HOOK = """import json, sys
from pathlib import Path
file = Path(sys.argv[1], "result.json")
told = json.load(sys.stdin)["directory"]
text = json.dumps({"argument": sys.argv[1:], "there": file.is_file(), "told": told})
with open(Path(__file__).with_name("hook.jsonl"), "a") as stream:
    stream.write(text + "\\n")
"""


@dataclass(frozen=True)
class OddSite(SlurmSite):
    """A site with a recipe whose program bash starts, and which is given names; and with a hook."""

    @property
    def recipe(self) -> str:
        words = ", ".join(f'"{word}"' for word in (self.python, self.base / "recipes/name.py"))
        return f"""schema = "recipe-1"
name = "{EVERY_FRAME}"
command = [{words}, "{{companion}}", "{{out}}", "{{name}}", "{{directory}}"]
environment = ["export READY=yes"]
required = ["counts"]
[resources]
memory_mb = 500
[results]
counts = "counts.json"
[inputs]
"names.xml" = "<a n='{{name}}'>{{directory}}</a>"
"""

    @property
    def cluster(self) -> str:
        hook = f'[results.hooks]\ncommand = ["{self.python}", "{self.base / "hook.py"}"]\n'
        return f"{super().cluster}{hook}"

    @property
    def setup(self) -> tuple[str, ...]:
        return (*super().setup, "export SETUP=done")

    def prepare(self) -> None:
        super().prepare()
        (self.base / "recipes/name.py").write_text(PROGRAM)
        (self.base / "hook.py").write_text(HOOK)


@dataclass
class Played:
    """A beamtime of oddly named datasets."""

    lab: Lab
    site: OddSite
    began: float
    datasets: dict[str, DatasetRow]
    jobs: dict[str, list[JobRow]]
    results: dict[str, dict[str, ResultRow]]
    queue: list[str] = field(default_factory=list)

    def log(self) -> list[dict[str, str]]:
        lines = (self.site.state_dir / "log/beampace.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


def place_of(what: str) -> str:
    """Directory of a dataset below `raw`; one is also in a group with an odd name."""
    group = GROUPS if what == "operators" else "user1"
    return f"{group}/{NAMES[what]}/scan"


@pytest.fixture(scope="module", params=["exclusive", "shared"])
def played(request: pytest.FixtureRequest) -> Iterator[Played]:
    began = time.time()
    with running_lab(Plan(shared=request.param == "shared", rest=False)) as lab:
        site = slurm_site(lab, OddSite)
        plays = [scan(number, place_of(what), NAMES[what]) for number, what in enumerate(NAMES, start=1)]
        seen: list[str] = []
        script = script_of(plays)

        def look() -> None:
            for words in (["scontrol", "show", "job"], ["scontrol", "show", "step"]):
                seen.append(lab.run(words, check=False).stdout)

        play(site, script, Daemon(site.argv, site.base, {}), check=look, expected=len(NAMES) - len(REFUSED))
        with ledger_of(site.state_dir) as ledger:
            what_of = {name: what for what, name in NAMES.items()}
            datasets = {what_of[row.name]: row for row in ledger.datasets()}
            jobs = {what: ledger.jobs(dataset=row.id) for what, row in datasets.items()}
            results = {
                what: {one.work.value: one for one in ledger.results(dataset=row.id)}
                for what, row in datasets.items()
            }
        yield Played(lab, site, began, datasets, jobs, results, seen)


def test_each_has_its_results_or_is_refused_by_name(played: Played) -> None:
    raw = played.site.beamtime.raw
    told = [one for one in played.log() if one["event"] == "trouble"]
    for what, name in NAMES.items():
        master = raw / place_of(what) / f"{name}_master.h5"
        assert master.exists()
        if what in REFUSED:
            assert what not in played.datasets
            assert not is_plain(name)
            words = [one["words"] for one in told if spelt(name)[:50] in one["where"]]
            assert words, f"{what}: nobody was told"
            continue
        assert played.datasets[what].path == str(master)
        assert {job.state for job in played.jobs[what]} == {JobState.ENDED}
        assert set(played.results[what]) == {"look", "process"}, what
        place = raw.parent / "processed" / place_of(what) / "beampace"
        for result in played.results[what].values():
            directory = Path(result.result.directory)
            assert directory.parent == place
            written = json.loads((directory / "result.json").read_text())
            assert written["dataset"]["name"] == name
            assert written["dataset"]["path"].endswith(f"/raw/{place_of(what)}/{name}_master.h5")


def test_programs_are_given_names_whole_or_not_at_all(played: Played) -> None:
    for what, results in played.results.items():
        result, name = results["process"].result, NAMES[what]
        if name.startswith("-"):
            assert result.code == "bad_request"
            assert name in result.words
            continue
        assert result.code == "finished", (what, result.words)
        said = json.loads((Path(result.directory) / EVERY_FRAME / "counts.json").read_text())
        assert said["ok"] is True
        assert said["name"] == name
        assert said["directory"].endswith(f"/raw/{place_of(what)}")


def test_hooks_are_given_directories_whole(played: Played) -> None:
    lines = (played.site.base / "hook.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines]
    assert all(one["there"] and one["argument"] == [one["told"]] for one in told)
    finished = {
        row.result.directory
        for results in played.results.values()
        for row in results.values()
        if row.result.code == "finished"
    }
    assert finished <= {one["told"] for one in told}


def test_nothing_of_a_name_was_executed(played: Played) -> None:
    assert executed() == []


def test_what_is_executed_is_found(tmp_path: Path) -> None:
    subprocess.run(["/bin/sh", "-c", NAMES["operators"]], cwd=tmp_path, check=False, capture_output=True)
    time.sleep(0.2)  # the last of them runs in the background
    subprocess.run(["/bin/bash", "-c", f"echo {NAMES['substitution']}"], cwd=tmp_path, check=True)
    found = executed()
    for path in found:
        path.unlink()
    assert {path.parent for path in found} == {tmp_path}
    assert {path.name for path in found} == {f"{PWNED}{number}" for number in range(2, 8)}


def executed() -> list[Path]:
    """Files with the name of one that a command in a name would make, anywhere on this machine."""
    roots = ["/", "/dev/shm"]
    argv = ["find", *roots, "-xdev", "(", "-path", "/proc", "-o", "-path", "/sys", ")", "-prune", "-o"]
    done = subprocess.run(
        [*argv, "-name", f"{PWNED}*", "-print0"], capture_output=True, text=True, check=False
    )
    return sorted(Path(name) for name in done.stdout.split("\0") if name)


def test_the_queue_knows_opaque_names_only(played: Played) -> None:
    seen = "".join(played.queue)
    assert "JobName=bp" in seen
    for words in (*NAMES.values(), GROUPS):
        assert words not in seen
    assert PWNED not in seen


def test_pages_show_names_as_text(played: Played) -> None:
    pages = list((played.site.beamtime.root / "processed").rglob("*.html"))
    assert len(pages) > 10
    shown = 0
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert NAMES["markup"] not in text, page
        shown += "&lt;script&gt;alert(1)" in text
    assert shown


def test_nothing_lies_elsewhere_in_processed(played: Played) -> None:
    processed = played.site.beamtime.root / "processed"
    known = {"user1", GROUPS, ".beampace"}
    others = {path.name for path in processed.iterdir()} - known
    assert all(name.startswith("index") and name.endswith(".html") for name in others), others
    rooms = {path.name for path in (processed / ".beampace/jobs").iterdir()}
    assert all(name.isascii() and " " not in name and "$" not in name for name in rooms)

"""The daemon on a real Slurm: P11's own scripts as tracked jobs, and by slurmrestd instead of ssh."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

import beampace.engines.recipe
from beampace.core.dataset import DatasetKind
from beampace.simulate.beamtime.played import PlayedDataset
from beampace.simulate.beamtime.stock import Stock
from beampace.simulate.beamtime.wishes import Wishes
from tests.support.invariant import Works
from tests.support.replay import EVERY_FRAME, Replay, ledger_of
from tests.support.slurm_lab import GROUP, running_lab, slurm_lab
from tests.support.slurm_site import SlurmSite, slurm_site
from tools.lab.lab import Lab
from tools.lab.plan import Plan

pytestmark = [pytest.mark.xdist_group(GROUP), pytest.mark.timeout(300)]
__all__ = ["slurm_lab"]

P11 = Path(beampace.engines.recipe.__file__).parent / "p11"
PREFIX = "/asap3/petra3/gpfs/common/p11/processing"
PROGRAMS = ("xdsapp", "autoproc")
STAND_IN = """#!/bin/bash
#SBATCH --time=1-0
# A stand-in for P11's script, whose text is not public: it takes its arguments and leaves files of its names.
set -eu
echo "stand-in of {name}: master $1, output $2, as $(id -un) on $SLURMD_NODENAME in job $SLURM_JOB_ID"
test -r "$1"
mkdir -p "$2"
printf '%s\\n' "$@" >"$2/arguments.txt"
echo data >"$2/results_x_F.mtz"
echo data >"$2/truncate-unique.mtz"
echo page >"$2/summary.html"
"""


@dataclass(frozen=True)
class ScriptSite(SlurmSite):
    """A site whose rotation scans are given to P11's scripts, both of them, as P11 does today."""

    def prepare(self) -> None:
        super().prepare()
        scripts = self.base / "scripts"
        scripts.mkdir()
        for name in PROGRAMS:
            script = scripts / f"{name}_sbatch.sh"
            script.write_text(STAND_IN.replace("{name}", name))
            script.chmod(0o755)
            text = (P11 / f"{name}.toml").read_text()
            assert PREFIX in text
            (self.base / "recipes" / f"{name}.toml").write_text(text.replace(PREFIX, str(scripts)))

    @property
    def rules(self) -> tuple[tuple[str, str, str, str, str, str, int], ...]:
        return tuple((name, "rotation", "complete", "process", name, "full", 1) for name in PROGRAMS)

    def expected(self, dataset: PlayedDataset) -> Works:
        return frozenset(("process", name) for name in PROGRAMS)


@pytest.fixture(scope="module")
def stocks() -> dict[str, Stock]:
    return {}


ROTATIONS = Wishes(
    datasets=2, kinds=(DatasetKind.ROTATION,), pace_s=1.0, rate=100, habits=False, slow=False, linger_s=0.5
)


def test_scripts_of_p11_are_tracked_jobs_whose_results_are_read_back(slurm_lab: Lab, stocks) -> None:
    # XDSAPP asks for 16 cores: more than a node here has.
    site = slurm_site(slurm_lab, ScriptSite)
    replay = Replay(site, ROTATIONS, stocks)
    played = replay.play()
    assert [str(one) for one in replay.violations(played)] == []
    with ledger_of(site.state_dir) as ledger:
        results, attempts = ledger.results(), [ledger.attempts(job.key) for job in ledger.jobs()]
    assert {row.engine for row in results} == set(PROGRAMS)
    assert all(len(tries) == 1 and tries[0].native_id.startswith("slurm:bttest04:") for tries in attempts)
    for row in results:
        directory = Path(row.result.directory)
        document = json.loads((directory / "result.json").read_text())
        assert document["verdict"]["code"] == "finished"
        said = (directory / document["files"]["output"]).read_text()
        assert f"stand-in of {row.engine}" in said
        assert f"as {slurm_lab.user} on cn0" in said
        assert str(slurm_lab.place.node_view / "raw") in said
        assert {"arguments.txt", "results_x_F.mtz"} <= {path.name for path in directory.rglob("*")}
        assert "truncate" in document["files"] or row.engine == "xdsapp"


def test_by_slurmrestd_every_attempt_is_a_job(stocks) -> None:
    with running_lab(Plan(shared=True)) as lab:
        token = lab.place.root / "token"
        token.write_text(lab.token(lifespan_s=1800))
        token.chmod(0o600)
        more = f'via = "rest"\nrest_url = "{lab.rest_url}"\nrest_token = "{token}"\nnode_cores = 8\n'
        site = slurm_site(lab, more=more)
        wishes = Wishes(datasets=4, pace_s=0.5, rate=100, habits=False, slow=False, linger_s=0.5)
        replay = Replay(site, wishes, stocks)
        played = replay.play()
        assert [str(one) for one in replay.violations(played)] == []
        with ledger_of(site.state_dir) as ledger:
            natives = [one.native_id for job in ledger.jobs() for one in ledger.attempts(job.key)]
            assert {row.engine for row in ledger.results()} >= {EVERY_FRAME}
        assert natives
        assert all(int(native.split(":")[2]) > 0 for native in natives)
        secret = token.read_text()
        written = [path for path in site.base.rglob("*") if path.is_file()]
        assert len(written) > 5
        assert [path for path in written if secret.encode() in path.read_bytes()] == []

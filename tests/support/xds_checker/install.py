"""Put the checker where XDS would be."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.support.xds_checker.failures import check_names

ROOT = Path(__file__).resolve().parents[3]

PROGRAMS = ("xds_par", "xds", "mcolspot_par", "mcolspot", "mintegrate_par", "mintegrate")
PLUGIN = "dectris-neggia.so"

_SCRIPT = """#!{python}
# BEAMPACE TEST CHECKER, NOT XDS
import os, sys
for name, value in {defaults!r}.items():
    os.environ.setdefault(name, value)
sys.path[:0] = [{root!r}, {src!r}]
from tests.support.xds_checker.program import main
sys.exit(main({name!r}))
"""

_FORKXDS = """#!/bin/bash
#                    forkxds          BEAMPACE TEST CHECKER, NOT XDS
# Started by xds or xds_par as: forkxds ntask maxcpu main rhosts
ntask=$1     # total number of jobs
maxcpu=$2    # maximum number of processors used by each job
main=$3      # mcolspot | mcolspot_par | mintegrate | mintegrate_par
shift 3
rhosts=$*    # names of the CPU cluster nodes
itask=1
while [ "$itask" -le "$ntask" ]; do
   export OMP_NUM_THREADS=$maxcpu
   echo "$itask" | "$main" &
   itask=$((itask + 1))
done
sync
wait
"""


def install(
    directory: Path, truth: Path | None, *, fail: str = "", licensed_until: str = "31-Dec-2030"
) -> dict[str, str]:
    """Write the checker's programs.

    Args:
        directory: where to; created.
        truth: prefix of `_truth.json` and `_truth.npz`, or a directory of such files, or None for those that
            lie beside the master (links are followed).
        fail: how steps are to end, `STEP:name[:times]`, several with commas; see `failures`.
        licensed_until: end of the licence.

    Returns:
        Environment variables to set: PATH with the directory first, and the checker's own, which are also
        written into the programs for callers that pass on nothing but PATH.

    Raises:
        ValueError: there is no such failure.
    """
    check_names(fail)
    directory.mkdir(parents=True, exist_ok=True)
    state = directory / "checker_state"
    state.mkdir(exist_ok=True)
    own = {
        "XDS_CHECKER_TRUTH": str(truth or ""),
        "XDS_CHECKER_FAIL": fail,
        "XDS_CHECKER_STATE": str(state),
        "XDS_CHECKER_LICENSED_UNTIL": licensed_until,
    }
    defaults = {"OPENBLAS_NUM_THREADS": "1", **own}
    paths = {"python": sys.executable, "root": str(ROOT), "src": str(ROOT / "src")}
    for name in PROGRAMS:
        _executable(directory / name, _SCRIPT.format(**paths, name=name, defaults=defaults))
    _executable(directory / "forkxds", _FORKXDS)
    (directory / PLUGIN).write_text("BEAMPACE TEST CHECKER, NOT A PLUG-IN\n")
    return {"PATH": f"{directory}{os.pathsep}{os.environ.get('PATH', os.defpath)}", **own}


def _executable(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)

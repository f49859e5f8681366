"""Rows of `beampace check --site` about programs on a node: Python, beampace, modules, the engines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from beampace import __version__
from beampace.cli import site_questions as ask
from beampace.cli.site_reach import Probe, Reach
from beampace.cli.site_row import Question, Row
from beampace.cluster.slurm.refusals import last_words
from beampace.core.errors import BeampaceError
from beampace.engines.xds.banner import parse_banner
from beampace.engines.xds.installation import check_licence, warnings

LEAST_PYTHON = (3, 9)
"""What the launcher needs."""
LOGIN_S = 60.0
"""Seconds for a login shell with modules, which may be slow the first time."""
_PYTHON = re.compile(r"^Python ([0-9]+)\.([0-9]+)\S*$", re.M)
_INTERESTING = re.compile(
    r"^(?:xray|xds|xdsapp|autoproc|ccp4|dials|phenix|crystfel|maxwell)\b.*$", re.I | re.M
)
_HERE_IS = re.compile(r"^beampace-(\w+)=(.*)$", re.M)
MOST_MODULES = 12
CCP4_NAMES = ("ccp4-python", "aimless")

MODULES_TEXT = """\
if ! type module >/dev/null 2>&1 && [ -r /etc/profile.d/modules.sh ]; then . /etc/profile.d/modules.sh; fi
if ! type module >/dev/null 2>&1; then echo beampace-module=none; exit 0; fi
module --terse avail 2>&1
"""
"""Fixed text of a login shell."""
PROGRAMS_TEXT = """\
for name in xds_par dials.version process ccp4-python aimless; do
  printf 'beampace-%s=%s\\n' "$(printf %s "$name" | tr .- __)" "$(command -v "$name")"
done
printf 'beampace-dials=%s\\n' "$(timeout 20 dials.version 2>/dev/null </dev/null | head -n 1)"
room=$(mktemp -d) && cd "$room" || exit 0
printf 'beampace-xds=%s\\n' "$(timeout 20 xds_par 2>&1 </dev/null | head -n 8 | tr '\\n' ' ')"
rm -r -- "$room"
"""
"""Fixed text: where programs are, and what two of them say of themselves."""


def program_probes(reach: Reach, beamline: str) -> Iterator[Probe]:
    """What is installed there.

    Args:
        reach: the way there.
        beamline: name of the beamline in the file system, or "".
    """
    said: dict[str, str] = {}
    yield ask.PYTHON, lambda: _python(reach)
    yield ask.PROGRAM, lambda: _program(reach)
    yield ask.MODULES, lambda: _modules(reach)
    yield ask.XDS, lambda: _xds(_programs(reach, said), reach)
    yield ask.DIALS, lambda: _dials(_programs(reach, said), reach)
    yield ask.AUTOPROC, lambda: _by_path(ask.AUTOPROC, _programs(reach, said), reach, ("process",))
    yield ask.CCP4, lambda: _by_path(ask.CCP4, _programs(reach, said), reach, CCP4_NAMES)
    yield ask.SCRIPTS, lambda: _scripts(reach, beamline)


def _python(reach: Reach) -> Row:
    evidence = "; ".join([*reach.setup, f"{reach.python} --version"])
    done = reach.run_as_job((reach.python, "--version"), LOGIN_S)
    version = _PYTHON.search(done.stdout + done.stderr)
    step = f"Name one as `python` in [cluster.slurm], {LEAST_PYTHON[0]}.{LEAST_PYTHON[1]} or later."
    if version is None:
        return ask.PYTHON.problem(f"no: {last_words(done)}", evidence, step)
    if (int(version[1]), int(version[2])) < LEAST_PYTHON:
        return ask.PYTHON.problem(f"{version[0]} is too old", evidence, step)
    return ask.PYTHON.found(version[0], evidence, "Starts its launcher with it.")


def _program(reach: Reach) -> Row:
    command = (*reach.program, "-P", "-m", "beampace", "--version")
    evidence = "; ".join([*reach.setup, " ".join(command)])
    done = reach.run_as_job(command, LOGIN_S)
    there = re.search(r"^beampace (\S+)$", done.stdout, re.M)
    if there is None:
        return ask.PROGRAM.problem(f"no: {last_words(done)}", evidence, ask.PROGRAM.ask)
    if there[1] != __version__:
        words = f"beampace {there[1]} there, {__version__} here"
        return ask.PROGRAM.problem(
            words, evidence, "Install the same version on both sides.", "Jobs may fail."
        )
    return ask.PROGRAM.found(f"yes, {there[1]} as here", evidence, "Runs its jobs with it.")


def _modules(reach: Reach) -> Row:
    done = reach.run(("bash", "-lc", MODULES_TEXT), deadline_s=LOGIN_S)
    evidence = "bash -lc 'module --terse avail'"
    if "beampace-module=none" in done.stdout:
        return ask.MODULES.found("there is no `module` command", evidence, ask.MODULES.safe)
    if done.exit != 0:
        return ask.MODULES.unknown(last_words(done), evidence)
    names = list(dict.fromkeys(line.strip() for line in _INTERESTING.findall(done.stdout)))
    more = f" and {len(names) - MOST_MODULES} more" if len(names) > MOST_MODULES else ""
    words = ", ".join(names[:MOST_MODULES]) + more if names else "none of crystallography"
    so = f"Loads what `setup` says: {'; '.join(reach.setup)}" if reach.setup else ask.MODULES.safe
    return ask.MODULES.found(words, evidence, so)


def _programs(reach: Reach, said: dict[str, str]) -> Mapping[str, str]:
    """Name -> path, and the banners; asked once.

    Raises:
        BeampaceError: there was no answer.
    """
    if not said:
        done = reach.run_as_job(("/bin/bash", "-c", PROGRAMS_TEXT), LOGIN_S)
        said |= {name: value.strip() for name, value in _HERE_IS.findall(done.stdout)}
        said.setdefault("answer", last_words(done))
    return said


def _evidence(reach: Reach, *names: str) -> str:
    """What was asked, with the lines that go before each job."""
    return "; ".join([*reach.setup, *(f"command -v {name}" for name in names)])


def _by_path(question: Question, said: Mapping[str, str], reach: Reach, names: Sequence[str]) -> Row:
    """A program whose path says which version it is."""
    evidence = _evidence(reach, *names)
    if _key(names[0]) not in said:
        return question.unknown(said["answer"], evidence)
    path = next((said[_key(name)] for name in names if said.get(_key(name))), "")
    return question.found(path or "none on PATH", evidence, question.safe)


def _key(name: str) -> str:
    return name.replace(".", "_").replace("-", "_")


def _xds(said: Mapping[str, str], reach: Reach) -> Row:
    path, banner = said.get("xds_par", ""), said.get("xds", "")
    if not path:
        return _by_path(ask.XDS, said, reach, ("xds_par",))
    evidence = f"{_evidence(reach, 'xds_par')}; its banner"
    found = parse_banner(banner)
    built = f", built {found.built}" if found and found.built else ""
    words = f"{found.version}{built}" if found and found.version else "a version that does not say which"
    today = datetime.now(UTC).date()
    try:
        if found is not None:
            check_licence(found, today)
    except BeampaceError as error:
        return ask.XDS.problem(f"{words}: {error.words}", evidence, error.next_step)
    if found is not None and found.licensed_until:
        words += f", licensed until {found.licensed_until:%d %B %Y}"
    so = " ".join(warnings(found, today)) if found else ""
    return ask.XDS.found(f"{words}: {path}", evidence, so or ask.XDS.safe)


def _dials(said: Mapping[str, str], reach: Reach) -> Row:
    path, version = said.get("dials_version", ""), said.get("dials", "")
    if not path:
        return _by_path(ask.DIALS, said, reach, ("dials.version",))
    words = f"{version or 'a version that does not say which'}: {path}"
    return ask.DIALS.found(words, f"{_evidence(reach, 'dials.version')}; its banner", ask.DIALS.safe)


def _scripts(reach: Reach, beamline: str) -> Row:
    if not beamline:
        return ask.SCRIPTS.unknown("The metadata name no beamline.", "the metadata")
    place = f"/asap3/petra3/gpfs/common/{beamline}/processing"
    done = reach.run(("ls", "--", place))
    scripts: Sequence[str] = [line for line in done.stdout.splitlines() if line.endswith("_sbatch.sh")]
    words = ", ".join(scripts) if scripts else f"none: {last_words(done)}" if done.exit else "none"
    return ask.SCRIPTS.found(words, f"ls {place}", ask.SCRIPTS.safe)

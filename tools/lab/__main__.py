"""`tools/slurm-lab run|start|stop|status|remove DIR`, `tools/slurm-lab forget-accounts`."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.lab import accounts, running
from tools.lab.demo import demo
from tools.lab.interpreter import shared_python
from tools.lab.lab import Lab, opened
from tools.lab.plan import Plan
from tools.lab.processes import LabError

ENDS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def main() -> int:
    """Do what the command line says; 1 when it cannot be done."""
    words = _parser().parse_args()
    try:
        return int(words.do(words) or 0)
    except LabError as error:
        sys.stderr.write(f"slurm-lab: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tools/slurm-lab", description="A Slurm cluster below one directory."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, (do, text) in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(do=do)
        if name != "forget-accounts":
            command.add_argument("directory", type=Path)
        if name in ("run", "start"):
            _add_plan(command)
    return parser


def _add_plan(command: argparse.ArgumentParser) -> None:
    plan = Plan()
    command.add_argument("--nodes", type=int, default=plan.nodes, help="number of nodes (%(default)s)")
    command.add_argument("--reserved", type=int, default=plan.reserved, help="of them reserved (%(default)s)")
    command.add_argument("--cores", type=int, default=plan.cores, help="cores each claims (%(default)s)")
    command.add_argument("--beamtime", default=plan.beamtime, help="beamtime id (%(default)s)")
    command.add_argument("--shared", action="store_true", help="jobs share nodes in the beamtime's partition")
    command.add_argument("--accounting", action="store_true", help="with slurmdbd and MariaDB")


def _planned(words: argparse.Namespace) -> Plan:
    sizes = {"nodes": words.nodes, "reserved": words.reserved, "cores": words.cores}
    return Plan(beamtime=words.beamtime, shared=words.shared, accounting=words.accounting, **sizes)


def _start(words: argparse.Namespace, *, owned: bool = False) -> Lab:
    began = time.monotonic()
    lab = running.start(words.directory, _planned(words), owned=owned)
    _say(f"ready after {time.monotonic() - began:.1f} s", *_description(lab))
    return lab


def _run(words: argparse.Namespace) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    lab = _start(words, owned=True)
    _say("Ctrl-C ends it.")
    signal.sigwait(ENDS)
    running.stop(lab)


def _stop(words: argparse.Namespace) -> None:
    running.stop(opened(words.directory))


def _remove(words: argparse.Namespace) -> None:
    running.remove(opened(words.directory))
    if not any(words.directory.iterdir()):  # else somebody else put things there
        words.directory.rmdir()


def _status(words: argparse.Namespace) -> None:
    lab = opened(words.directory)
    daemons = lab.daemons()
    if "slurmctld" not in daemons:
        raise LabError(f"The laboratory in {words.directory} does not run.")
    _say(*(f"{name}: process {pid}" for name, pid in daemons.items()), *_description(lab))
    _say(*(f"{name}: {state}" for name, state in lab.nodes().items()))


def _forget_accounts(_: argparse.Namespace) -> None:
    _say(*(f"removed {name}" for name in accounts.forget()))


def _keep(words: argparse.Namespace) -> None:
    """Wait until the other end of standard input is closed, by whoever or by its death; then remove all."""
    sys.stdin.read()
    if words.directory.exists():
        _remove(words)


def _description(lab: Lab) -> list[str]:
    lines = [f"export SLURM_CONF={shlex.quote(str(lab.slurm_conf))}", f"metadata: {lab.metadata}"]
    lines += [f"{shlex.join(lab.ssh(account))} squeue" for account in lab.plan.accounts]
    lines += [f"REST: {lab.rest_url}/slurm/v0.0.38/ping, scontrol token username={lab.user}"] * lab.plan.rest
    return [*lines, f"python for jobs: {shared_python(lab)}"]


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


_COMMANDS: Mapping[str, tuple[Callable[[argparse.Namespace], object], str]] = {
    "run": (_run, "start a laboratory and stop it with Ctrl-C"),
    "start": (_start, "start a laboratory and leave it running"),
    "stop": (_stop, "stop a laboratory; its files stay"),
    "status": (_status, "say what runs and how to reach it"),
    "remove": (_remove, "stop a laboratory and remove its files"),
    "demo": (demo, "play a small beamtime on a laboratory of its own; results go below the directory"),
    "keep": (_keep, "remove a laboratory when standard input ends"),
    "forget-accounts": (_forget_accounts, "remove the accounts that laboratories made"),
}

if __name__ == "__main__":
    sys.exit(main())

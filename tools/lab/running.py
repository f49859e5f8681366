"""Starting and stopping a laboratory."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from datetime import datetime
from pathlib import Path

from tools.lab import accounts, beamtime, configuration, daemons, database, processes
from tools.lab import plan as plans
from tools.lab.lab import PATH, Lab, opened, run
from tools.lab.place import LONGEST, Place
from tools.lab.plan import Plan
from tools.lab.processes import LabError, remember, remembered

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sshd", "setpriv", "ssh-keygen", "useradd")
PROGRAMS_REST = ("slurmrestd",)
PROGRAMS_ACCOUNTING = ("slurmdbd", "mariadbd", "mariadb-install-db")
JWT_PLUGIN = "*/slurm-wlm/auth_jwt.so"
MAX_NODES = 32
PARTS = ("etc", "run", "log", "state", "spool", "munge", "ssh", "gpfs", "beamline", "asap3", "db", "python")
"""All that a laboratory ever makes in its directory, besides its records."""


def missing(plan: Plan | None = None) -> str:
    """Why such a laboratory cannot be made here, as a sentence; "" when it can."""
    if os.geteuid() != 0:
        return "A Slurm laboratory needs root: it makes accounts and runs daemons under several."
    wanted = plan or Plan()
    programs = PROGRAMS + PROGRAMS_REST * wanted.rest + PROGRAMS_ACCOUNTING * wanted.accounting
    absent = [name for name in programs if shutil.which(name, path=PATH) is None]
    if not list(Path("/usr/lib").glob(JWT_PLUGIN)):
        absent.append("the token plugin")
    return f"A Slurm laboratory needs {', '.join(absent)}: tools/setup-tests installs them." if absent else ""


def start(root: Path, plan: Plan | None = None, *, owned: bool = False) -> Lab:
    """Start a laboratory; what one that was cut off left behind in the directory is ended and removed first.

    Args:
        root: its directory: empty, not there yet, or of an earlier laboratory.
        plan: what it shall be.
        owned: whether it is worth nothing without this process: a later start may clear it away then.

    Raises:
        LabError: it cannot be made here, one runs there already, or a part does not answer.
    """
    wanted = plan or Plan()
    if reason := missing(wanted):
        raise LabError(reason)
    _check(wanted)
    place = Place(root.resolve())
    _clear(place)
    place.root.mkdir(parents=True, exist_ok=True)
    lab = Lab(place, wanted, plans.free_ports(wanted.nodes))
    plans.write(place.record, lab.plan, lab.ports)
    if owned:
        remember(place.owner, os.getpid())
    try:
        _prepare(lab)
        _start_daemons(lab)
    except LabError as error:
        stop(lab)
        raise LabError(f"{error}\n{_last_lines(place.log)}") from error
    except BaseException:  # also an interrupt leaves nothing behind
        stop(lab)
        raise
    place.ready.touch()
    return lab


def stop(lab: Lab) -> None:
    """End everything that runs because of a laboratory; its files stay.

    Raises:
        LabError: a process does not end.
    """
    if lab.daemon("slurmctld") is not None:
        lab.run(["scancel", "--quiet", "--state=PENDING,SUSPENDED,RUNNING"], check=False)
    everything = lab.processes()
    nodes = [f"slurmd.{name}" for name in lab.plan.node_names]
    for names in (["slurmrestd", "sshd", *nodes], ["slurmctld"], ["slurmdbd"], ["mariadbd"], ["munged"]):
        processes.end(processes.known(pid for name in names if (pid := lab.daemon(name)) is not None))
    processes.end(everything | lab.processes(), patience_s=1.0)


def remove(lab: Lab) -> None:
    """Stop a laboratory and remove its files.

    Raises:
        LabError: a process does not end.
    """
    stop(lab)
    for name in PARTS:
        shutil.rmtree(lab.place.root / name, ignore_errors=True)
    for path in (lab.place.ready, lab.place.owner, lab.place.record):
        path.unlink(missing_ok=True)


def _check(plan: Plan) -> None:
    if not plan.beamtime.isalnum():
        raise LabError(f"{plan.beamtime!r} is no beamtime id: letters and digits only.")
    if not 1 <= plan.reserved <= plan.nodes <= MAX_NODES:
        words = f"{plan.reserved} reserved of {plan.nodes} nodes cannot be"
        raise LabError(f"{words}: at least 1 reserved, at most {MAX_NODES} nodes.")


def _clear(place: Place) -> None:
    """Remove what an earlier laboratory left in this directory, and nothing that is not its own."""
    if len(str(place.root)) > LONGEST:
        raise LabError(f"{place.root} is too long for Unix sockets below it: at most {LONGEST} characters.")
    if not place.root.exists():
        return
    if place.root.stat().st_uid != 0:
        raise LabError(f"{place.root} is not root's: name a directory that does not exist yet.")
    if not place.record.exists():
        if any(place.root.iterdir()):
            raise LabError(f"{place.root} holds other things: name a directory that does not exist yet.")
        return
    lab = opened(place.root)
    if place.ready.exists() and lab.daemon("slurmctld") is not None and not _orphaned(place):
        raise LabError(
            f"A laboratory runs in {place.root} already: tools/slurm-lab stop {place.root} ends it."
        )
    remove(lab)


def _last_lines(directory: Path, count: int = 5) -> str:
    """The end of every log: whoever reads the message may not have the files any more."""
    logs = sorted(path for path in directory.glob("*") if path.stat().st_size)
    ends = (path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:] for path in logs)
    return "\n".join(f"{path.name}: {line}" for path, lines in zip(logs, ends, strict=True) for line in lines)


def _orphaned(place: Place) -> bool:
    return place.owner.exists() and remembered(place.owner) is None


def _prepare(lab: Lab) -> None:
    place = lab.place
    for name in ("etc", "run", "log", "state", "spool", "munge", "ssh"):
        (place.root / name).mkdir()
    place.root.chmod(0o755)  # daemons and jobs of several accounts pass through it
    for directory in (place.root / "state", place.log):
        shutil.chown(directory, "slurm", "slurm")
    shutil.chown(place.munge, "munge", "munge")
    _secret(place.munge / "munge.key", 1024, "munge")
    _secret(place.jwt_key, 32, "slurm")
    host = socket.gethostname().split(".")[0]
    place.slurm_conf.write_text(configuration.slurm_conf(place, lab.plan, lab.ports, host), encoding="utf-8")
    (place.root / "etc/cgroup.conf").write_text("CgroupAutomount=no\n", encoding="utf-8")
    _prepare_ssh(lab)
    beamtime.make_tree(place, lab.plan, datetime.now())
    beamtime.give_key(place, lab.plan)
    lab.announce()


def _secret(path: Path, size: int, owner: str) -> None:
    path.touch(mode=0o600)
    path.write_bytes(secrets.token_bytes(size))
    shutil.chown(path, owner, owner)
    path.chmod(0o400)


def _prepare_ssh(lab: Lab) -> None:
    place = lab.place
    _make_key(place.ssh / "host_ed25519")
    public = (place.ssh / "host_ed25519.pub").read_text(encoding="utf-8")
    place.known_hosts.write_text(configuration.known_hosts(lab.ports, public), encoding="utf-8")
    config = configuration.sshd_config(place, lab.plan, lab.ports)
    (place.ssh / "sshd_config").write_text(config, encoding="utf-8")
    for account in lab.plan.accounts:
        accounts.make(account)
        _make_key(lab.key(account))
        shutil.copyfile(f"{lab.key(account)}.pub", place.ssh / f"authorized_{account}")


def _make_key(path: Path) -> None:
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "laboratory", "-f", str(path)], {})


def _start_daemons(lab: Lab) -> None:
    daemons.start_munged(lab)
    if lab.plan.accounting:
        database.start(lab)
    daemons.start_slurmctld(lab)
    for name in lab.plan.node_names:
        daemons.start_slurmd(lab, name)
    daemons.start_sshd(lab)
    if lab.plan.rest:
        daemons.start_slurmrestd(lab)
    daemons.wait_for_nodes(lab, *lab.plan.node_names)
    reserve(lab, lab.plan.beamtime)


def reserve(lab: Lab, name: str, hours: int = 48) -> None:
    """Make a reservation of the reserved nodes for the first account; it may overlap another.

    Raises:
        LabError: Slurm refused.
    """
    nodes = ",".join(lab.plan.reserved_nodes)
    words = [f"reservationname={name}", f"user={lab.user}", "starttime=now", f"duration={hours}:00:00"]
    lab.run(["scontrol", "create", "reservation", *words, f"nodes={nodes}", "flags=ignore_jobs,overlap"])

"""Accounting of a laboratory: MariaDB on a socket of its own, slurmdbd, and who may use what."""

from __future__ import annotations

import secrets
import shutil

from tools.lab import configuration
from tools.lab.lab import Lab
from tools.lab.processes import until

ACCOUNT = "beamline"
"""The account in Slurm's sense that all users belong to."""
FIRST_S = 60.0
"""Making MariaDB's and slurmdbd's tables takes about 10 s on an idle machine."""


def start(lab: Lab) -> None:
    """Make and start the database and slurmdbd, and enter the cluster with its users.

    Raises:
        LabError: a part does not answer.
    """
    password = secrets.token_hex(16)
    _start_mariadb(lab, password)
    _start_slurmdbd(lab, password)
    add = ["sacctmgr", "-i", "add"]
    lab.run([*add, "cluster", "lab"])
    lab.run([*add, "account", ACCOUNT, f"Description={ACCOUNT}", "Organization=lab"])
    for user in lab.plan.accounts:
        lab.run([*add, "user", user, f"Account={ACCOUNT}"])


def _start_mariadb(lab: Lab, password: str) -> None:
    directory = lab.place.root / "db"
    directory.mkdir()
    shutil.chown(directory, "mysql", "mysql")
    where = ["--no-defaults", "--user=mysql", f"--datadir={directory}/data"]
    lab.run(["mariadb-install-db", *where, "--auth-root-authentication-method=normal", "--skip-test-db"])
    size = ["--skip-networking", "--innodb-buffer-pool-size=64M", "--innodb-lock-wait-timeout=900"]
    size += ["--innodb-flush-log-at-trx-commit=2", f"--pid-file={directory}/mariadb.pid"]
    lab.launch("mariadbd", ["mariadbd", *where, *size, f"--socket={directory}/mysql.sock"])
    client = ["--no-defaults", "-u", "root", "-S", f"{directory}/mysql.sock"]
    ping = ["mariadb-admin", *client, "ping"]
    until(
        lambda: lab.run(ping, check=False).returncode == 0, f"mariadbd answers; see {lab.place.log}", FIRST_S
    )
    lines = "CREATE DATABASE slurm_acct_db;\n"
    lines += f"CREATE USER 'slurm'@'localhost' IDENTIFIED BY '{password}';\n"
    lines += "GRANT ALL ON slurm_acct_db.* TO 'slurm'@'localhost';\n"
    lab.run(["mariadb", *client], text=lines)


def _start_slurmdbd(lab: Lab, password: str) -> None:
    path = lab.place.root / "etc/slurmdbd.conf"
    path.touch(mode=0o600)
    path.write_text(configuration.slurmdbd_conf(lab.place, lab.ports, password), encoding="utf-8")
    shutil.chown(path, "slurm", "slurm")
    # The client library takes the database's socket from this variable, not from the configuration.
    lab.launch("slurmdbd", ["slurmdbd", "-D"], {"MYSQL_UNIX_PORT": f"{lab.place.root}/db/mysql.sock"})
    words = ["sacctmgr", "-n", "list", "cluster"]
    answers = f"slurmdbd answers; see {lab.place.log}/slurmdbd.log"
    until(lambda: lab.run(words, check=False).returncode == 0, answers, FIRST_S)

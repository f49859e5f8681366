"""The texts that configure the daemons: pure functions of place, plan and ports.

They are for a machine without cgroups, and every time Slurm waits is made short.
"""

from __future__ import annotations

from tools.lab.place import Place
from tools.lab.plan import EXCLUSIVE, SHARED, Plan, Ports

MARK = "BEAMPACE_LAB"
"""The variable that every daemon of a laboratory carries: its value is the directory."""
GATEWAYS = ("127.0.0.1", "127.0.0.2")
"""Addresses of sshd; both lead to this machine."""

_SLURM = """\
ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmUser=slurm
SlurmdUser=root
AuthType=auth/munge
# cred_expire is also how long a requeued job waits; its default is 120 s.
AuthInfo=socket={munge},cred_expire=5
CredType=cred/munge
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key={jwt_key}
SlurmctldPort={slurmctld}
SlurmctldPidFile={root}/run/slurmctld.pid
SlurmdPidFile={root}/run/slurmd.%n.pid
SlurmdSpoolDir={root}/spool/%n
StateSaveLocation={root}/state
SlurmctldLogFile={root}/log/slurmctld.log
SlurmdLogFile={root}/log/slurmd.%n.log
SlurmctldDebug=info
SlurmdDebug=info
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=5
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
SlurmctldTimeout=10
InactiveLimit=0
MinJobAge=300
KillWait=2
Waittime=0
CompleteWait=0
MessageTimeout=10
TCPTimeout=2
JobRequeue=1
MaxArraySize=10001
MaxJobCount=20000
# Cores and memory of the nodes are invented.
SlurmdParameters=config_overrides
# Without it impossible jobs are taken and wait for ever.
EnforcePartLimits=ALL
ResvOverRun=0
SchedulerType=sched/backfill
SchedulerParameters={scheduler}
SlurmctldParameters=user_resv_delete
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=100
PriorityType=priority/multifactor
PriorityWeightPartition=10000
PriorityCalcPeriod=1
PreemptType=preempt/none
"""
_SCHEDULER = (
    "batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1,bf_min_age_reserve=0,bf_continue,"
    "bf_yield_interval=500000,max_rpc_cnt=0"
)
_PLAIN = """\
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={root}/log/jobcomp.txt
"""
_ACCOUNTING = """\
PriorityWeightAge=100
PriorityMaxAge=1-0
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={slurmdbd}
# Clients look for munge's socket here, not in AuthInfo.
AccountingStoragePass={munge}
AccountingStorageEnforce=associations,limits
"""
_SLURMDBD = """\
AuthType=auth/munge
AuthInfo=socket={munge}
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key={jwt_key}
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={slurmdbd}
SlurmUser=slurm
LogFile={root}/log/slurmdbd.log
PidFile={root}/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StoragePass={password}
StorageLoc=slurm_acct_db
CommitDelay=0
"""
_SSHD = """\
Port {sshd}
{listen}
HostKey {root}/ssh/host_ed25519
PidFile {root}/run/sshd.pid
AuthorizedKeysFile {root}/ssh/authorized_%u
# The directory may lie below /tmp, which everybody may write to.
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
MaxStartups 100:30:200
MaxSessions {sessions}
AllowUsers {accounts}
SetEnv SLURM_CONF={root}/etc/slurm.conf {mark}={root}
Subsystem sftp internal-sftp
"""
SESSIONS = 10
"""Channels of one connection: what OpenSSH allows when nobody says anything, as at a real site."""


def slurm_conf(place: Place, plan: Plan, ports: Ports, host: str) -> str:
    """The configuration of slurmctld, slurmd and all clients; `host` is what `hostname -s` says."""
    names = _names(place, ports) | {"host": host, "scheduler": _SCHEDULER}
    text = (_SLURM + (_ACCOUNTING if plan.accounting else _PLAIN)).format(**names)
    for name, port in zip(plan.node_names, ports.slurmd, strict=True):
        text += (
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port}"
            f" CPUs={plan.cores} RealMemory={plan.memory_mb} State=UNKNOWN\n"
        )
    common = "Nodes=ALL MaxTime=1-0 DefaultTime=10 State=UP"
    text += f"PartitionName={EXCLUSIVE} {common} Default=YES OverSubscribe=EXCLUSIVE\n"
    return text + f"PartitionName={SHARED} {common} OverSubscribe=NO\n"


def slurmdbd_conf(place: Place, ports: Ports, password: str) -> str:
    """The configuration of slurmdbd."""
    return _SLURMDBD.format(**_names(place, ports), password=password)


def sshd_config(place: Place, plan: Plan, ports: Ports) -> str:
    """The configuration of sshd."""
    listen = "\n".join(f"ListenAddress {address}" for address in GATEWAYS)
    names = _names(place, ports) | {"listen": listen, "mark": MARK, "accounts": " ".join(plan.accounts)}
    return _SSHD.format(**names, sessions=SESSIONS)


def known_hosts(ports: Ports, key: str) -> str:
    """Lines that pin the host's public key, given as its file's content, under every name of the gateways."""
    kind, value = key.split()[:2]
    return "".join(f"[{name}]:{ports.sshd} {kind} {value}\n" for name in (*GATEWAYS, "localhost"))


def _names(place: Place, ports: Ports) -> dict[str, object]:
    return {
        "root": place.root,
        "munge": place.munge_socket,
        "jwt_key": place.jwt_key,
        "slurmctld": ports.slurmctld,
        "slurmdbd": ports.slurmdbd,
        "sshd": ports.sshd,
    }

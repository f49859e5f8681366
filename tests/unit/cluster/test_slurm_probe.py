"""What a site is, from the text of a real Slurm 22.05 and from odd text."""

import dataclasses
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm.probe import Questions, Site, probe
from beampace.cluster.slurm.site import ends_in, parse_records, sizes, takes_jobs, version_of, whole_nodes
from beampace.cluster.slurm.transport import Completed, RecordedTransport, Unreachable
from beampace.core.errors import BeampaceError, InfrastructureError, failure
from beampace.core.taxonomy import Failure
from tests.support.properties import patient

GRANTED = OnlineResources("bttest04", None, "11019999", "ponline_p11", ("max-p3a016",))

CONFIG = """\
Configuration data as of 1795834549
AccountingStorageType   = accounting_storage/none
PreemptMode             = OFF
PriorityFlags           = 
SelectType              = select/cons_tres
SelectTypeParameters    = CR_CPU_MEMORY
SLURM_VERSION           = 22.05.8

Slurmctld(primary) at vm is UP
"""  # noqa: W291 (as Slurm says it)
PARTITION = (
    "PartitionName=ponline_p11 AllowGroups=ALL AllowAccounts=ALL AllowQos=ALL AllocNodes=ALL"
    " Default=YES QoS=N/A DefaultTime=00:10:00 DisableRootJobs=NO ExclusiveUser=NO GraceTime=0"
    " Hidden=NO MaxNodes=UNLIMITED MaxTime=1-00:00:00 MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED"
    " Nodes=cn[01-04] PriorityJobFactor=1 PriorityTier=1 RootOnly=NO ReqResv=NO"
    " OverSubscribe=EXCLUSIVE OverTimeLimit=NONE PreemptMode=OFF State=UP TotalCPUs=32 TotalNodes=4"
    " SelectTypeParameters=NONE JobDefaults=(null) DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED"
    " TRES=cpu=32,mem=62.50G,node=4,billing=32 \n"
)
RESERVATION = (
    "ReservationName=11019999 StartTime=1795834445 EndTime=1796007245 Duration=2-00:00:00"
    " Nodes=cn[01-03] NodeCnt=3 CoreCnt=24 Features=(null) PartitionName=(null)"
    " Flags=OVERLAP,IGNORE_JOBS,SPEC_NODES TRES=cpu=24 Users=bttest04 Groups=(null) Accounts=(null)"
    " Licenses=(null) State=ACTIVE BurstBuffer=(null) Watts=n/a MaxStartDelay=(null)\n"
)
NODE = (
    "NodeName={name} Arch=x86_64 CoresPerSocket=1  CPUAlloc=0 CPUEfctv={cores} CPUTot=8 CPULoad=0.39"
    " AvailableFeatures=(null) ActiveFeatures=(null) Gres=(null) NodeAddr=127.0.0.1 NodeHostName=vm"
    " Port=15906 Version=22.05.8 OS=Linux 6.18.44-fc-v669 #1 SMP PREEMPT_DYNAMIC @0 "
    " RealMemory={memory} AllocMem=0 FreeMem=22040 Sockets=8 Boards=1 State={state} ThreadsPerCore=1"
    " TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A Partitions=ponline_p11,pshared_p11 "
    " BootTime=1795834087 SlurmdStartTime=1795834445 LastBusyTime=1795834445"
    " CfgTRES=cpu=8,mem=16000M,billing=8 AllocTRES= CapWatts=n/a CurrentWatts=0 AveWatts=0"
    " ExtSensorsJoules=n/s ExtSensorsWatts=0 ExtSensorsTemp=n/s{reason}\n"
)


def node(name, state="IDLE+RESERVED", cores=8, memory=16000, reason=""):
    return NODE.format(name=name, state=state, cores=cores, memory=memory, reason=reason)


DRAINED = node("cn02", "IDLE+DRAIN+RESERVED", 2, 500, " Reason=a test = of State=IDLE [root@1795834469]")
ANSWERS = {
    "show config": CONFIG,
    "show partition ponline_p11": PARTITION,
    "show reservation 11019999": RESERVATION,
    "show node cn[01-03]": node("cn01") + DRAINED + node("cn03", "ALLOCATED+RESERVED", 6, 12000),
    "show node cn[01-04]": node("cn04") + node("cn01", cores=4),
    "show hostnames cn[01-03]": "cn01\ncn02\ncn03\n",
    "scontrol --version": "slurm-wlm 22.05.8\n",
    "sacct": "",
}
KNOWN = Site(True, ("cn01", "cn03"), 6, 12000, 86400, 600, 172696.0, "22.05.8", True)


def slurm(answers=ANSWERS, greeting="", **errors):
    """A transport that answers what the end of a command line asks; everything else is not found."""

    def answer(argv, stdin):
        line = " ".join(argv)
        for words, error in errors.items():
            if words in line:
                raise error
        for words, text in answers.items():
            if line.endswith(words) or (words == "sacct" and argv[0].endswith("sacct")):
                return Completed(0, greeting + text, "")
        return Completed(1, greeting, f"{argv[-1]} not found\n")

    return RecordedTransport(answer)


def without(*questions):
    return {words: text for words, text in ANSWERS.items() if words not in questions}


def test_a_site_is_what_slurm_says_and_drained_nodes_do_not_count():
    transport = slurm()
    assert probe(transport, GRANTED) == KNOWN
    assert probe(slurm(greeting="Welcome to Maxwell\nPLEASE=read\n"), GRANTED) == KNOWN
    assert len(transport.asked) == 6
    assert not any(word.startswith("-") for argv, _ in transport.asked for word in argv[5:] if "show" in argv)


def test_programs_are_taken_from_their_directory():
    transport = slurm()
    assert probe(transport, GRANTED, PurePosixPath("/opt/slurm/bin")) == KNOWN
    programs = {argv[2] if argv[0] == "env" else argv[0] for argv, _ in transport.asked}
    assert programs == {"/opt/slurm/bin/scontrol", "/opt/slurm/bin/sacct"}


@pytest.mark.parametrize(
    ("missing", "unknown"),
    [
        (("show config",), {"reservation_ends_s": None}),
        (
            ("show partition ponline_p11",),
            {"exclusive": None, "most_time_s": 0, "default_time_s": 0},
        ),
        (
            ("show reservation 11019999",),
            {"nodes": (), "cores": 0, "memory_mb": 0, "reservation_ends_s": None},
        ),
        (("show node cn[01-03]",), {"nodes": ("cn01", "cn02", "cn03"), "cores": 0, "memory_mb": 0}),
        (("show node cn[01-03]", "show hostnames cn[01-03]"), {"nodes": (), "cores": 0, "memory_mb": 0}),
        (("scontrol --version",), {}),
        (("scontrol --version", "show config"), {"version": "", "reservation_ends_s": None}),
        (("sacct",), {"accounting": False}),
    ],
)
def test_a_question_that_fails_leaves_its_value_unknown(missing, unknown):
    assert probe(slurm(without(*missing)), GRANTED) == dataclasses.replace(KNOWN, **unknown)


def test_a_question_without_an_answer_in_time_does_not_stop_the_others():
    late = InfrastructureError(Failure.NODE_LOST, "scontrol gave no answer within 15 s.")
    found = probe(slurm(reservation=late, sacct=late), GRANTED)
    assert found == dataclasses.replace(
        KNOWN, nodes=(), cores=0, memory_mb=0, reservation_ends_s=None, accounting=None
    )


def test_without_reservation_the_nodes_are_those_of_the_partition():
    granted = dataclasses.replace(GRANTED, reservation="")
    found = probe(slurm(), granted)
    assert (found.nodes, found.cores, found.reservation_ends_s) == (("cn04", "cn01"), 4, None)


def test_without_partition_it_is_the_one_that_jobs_go_to():
    other = PARTITION.replace("Default=YES", "Default=NO").replace("MaxTime=1-00:00:00", "MaxTime=UNLIMITED")
    answers = {**ANSWERS, "show partition": other + PARTITION}
    assert probe(slurm(answers), dataclasses.replace(GRANTED, partition="")) == KNOWN


def test_only_a_cluster_that_cannot_be_reached_is_an_error():
    for error in (Unreachable("no way."), failure(Failure.BEAMTIME_CLOSED, "It is over.")):
        with pytest.raises(BeampaceError) as caught:
            probe(slurm(scontrol=error), GRANTED)
        assert caught.value is error
    with pytest.raises(Unreachable):
        probe(slurm(reservation=Unreachable("gone in between.")), GRANTED)


def test_a_controller_that_answers_nothing_is_asked_no_more_than_twice():
    transport = slurm({})
    with pytest.raises(InfrastructureError, match="not found") as caught:
        probe(transport, GRANTED)
    assert caught.value.code is Failure.NODE_LOST
    assert len(transport.asked) == 2


@pytest.mark.parametrize("name", ["-x", "--help", "a b", "a;b", "a\nb"])
def test_a_name_that_could_be_an_option_is_never_an_argument(name):
    transport = slurm()
    ask = Questions(transport)
    assert (ask.partition(name), ask.reservation(name)) == ({}, {})
    assert (ask.hosts(name), ask.nodes(name)) == ((), ())
    assert transport.asked == []


@pytest.mark.parametrize(
    ("shared", "select", "expected"),
    [
        ("EXCLUSIVE", "select/cons_tres", True),
        ("EXCLUSIVE", "", True),
        ("NO", "select/cons_tres", False),
        ("NO", "select/linear", True),
        ("NO", "", None),
        ("YES:4", "select/linear", False),
        ("FORCE:1", "select/cons_tres", False),
        ("", "select/linear", None),
    ],
)
def test_whether_a_job_gets_whole_nodes(shared, select, expected):
    assert whole_nodes({"SelectType": select}, {"OverSubscribe": shared}) is expected


@pytest.mark.parametrize(
    "state", ["IDLE", "MIXED", "ALLOCATED+RESERVED", "IDLE+MAINTENANCE+RESERVED", "IDLE~", "IDLE$"]
)
def test_nodes_that_take_jobs(state):
    assert takes_jobs({"State": state})


@pytest.mark.parametrize(
    "state",
    [
        "DOWN",
        "DOWN*",
        "IDLE*",
        "IDLE+DRAIN",
        "MIXED+DRAIN+RESERVED",
        "DOWN+NOT_RESPONDING",
        "FAIL",
        "FUTURE",
        "UNKNOWN*",
    ],
)
def test_nodes_that_take_none(state):
    assert not takes_jobs({"State": state})
    assert not takes_jobs({})


def test_what_slurm_keeps_for_itself_and_what_the_partition_forbids_is_not_a_jobs():
    (one,) = parse_records(node("cn01", cores=7, reason=" MemSpecLimit=1000"))
    assert (sizes([one], {}).cores, sizes([one], {}).memory_mb) == (7, 15000)
    bounds = {"MaxCPUsPerNode": "4", "MaxMemPerNode": "9000"}
    assert (sizes([one], bounds).cores, sizes([one], bounds).memory_mb) == (4, 9000)
    assert sizes([], bounds).cores == 0
    assert sizes([{"NodeName": "old", "State": "IDLE", "CPUTot": "8"}], {}).cores == 8


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("slurm-wlm 22.05.8\n", "22.05.8"),
        ("slurm 21.08.8-2", "21.08.8-2"),
        ("slurm 25.05.0rc1", "25.05.0"),
        ("", ""),
    ],
)
def test_versions(text, version):
    assert version_of(text) == version


def test_the_end_of_a_reservation_is_not_guessed_from_local_time():
    assert ends_in({"EndTime": "1796007245"}, 1796007200.0) == 45.0
    assert ends_in({"EndTime": "2026-10-25T02:30:00"}, 1796007200.0) is None
    assert ends_in({"EndTime": "1796007245"}, None) is None


KEYS = st.from_regex(r"[A-Z][A-Za-z0-9_]{0,12}", fullmatch=True)
WORDS = st.text(st.characters(exclude_characters="\n=", exclude_categories=["Cs"]), max_size=12)
VALUES = st.lists(WORDS, max_size=4).map(" ".join)


@patient
@given(st.lists(st.dictionaries(KEYS, VALUES, min_size=1, max_size=6), max_size=4))
def test_records_come_back_with_their_spaces(records):
    text = "\n".join(" ".join(f"{key}={value}" for key, value in one.items()) for one in records)
    expected = [{key: value.strip() for key, value in one.items()} for one in records]
    assert list(parse_records(text)) == expected


@patient
@given(st.text(max_size=300))
def test_odd_text_is_no_site_and_no_error(text):
    found = probe(RecordedTransport(lambda argv, stdin: Completed(0, text, "")), GRANTED) if text else Site()
    assert found.cores == 0 or "CPU" in text
    for record in parse_records(text):
        assert all(value in text and f"{key}=" in text for key, value in record.items())

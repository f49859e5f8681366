"""The rows of `beampace check --site`, from answers of a cluster that is only written down."""

import dataclasses
import io
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path, PurePosixPath

import asyncssh
import pytest
from rich.console import Console
from typer.testing import CliRunner

from beampace.beamtime import OpenBeamtime
from beampace.beamtime.metadata import parse_metadata
from beampace.beamtime.resources import OnlineResources
from beampace.cli import site_questions
from beampace.cli.main import app
from beampace.cli.site_cluster import Way, cluster_sections
from beampace.cli.site_gateways import pinned, try_gateways
from beampace.cli.site_here import ACL, ProbePlace, access_list, acl_row, key_row, probe_place, processed_row
from beampace.cli.site_node import node_probes
from beampace.cli.site_page import show
from beampace.cli.site_programs import program_probes
from beampace.cli.site_reach import Reach, answered, in_words
from beampace.cli.site_row import Question, Row, State, as_json, exit_code, summary
from beampace.cli.site_slurm import Facts, facts_of, slurm_probes
from beampace.cli.site_submit import submit_probes
from beampace.cluster.slurm import Completed, RecordedTransport, SlurmSettings, SshSettings
from beampace.core.errors import Cancelled, InfrastructureError
from beampace.core.taxonomy import Exit, Failure
from beampace.service.configuration import values
from beampace.service.job_places import NodePlaces
from beampace.service.settings import Settings
from beampace.service.slurm_section import SlurmSection

GRANTED = OnlineResources("bttest04", None, "11010000", "ponline_p11", ("max-p3a016",))
PARTITION = {
    "PartitionName": "ponline_p11",
    "OverSubscribe": "NO",
    "MaxTime": "1-00:00:00",
    "DefaultTime": "00:10:00",
}
RESERVATION = {"ReservationName": "11010000", "State": "ACTIVE", "EndTime": "1600", "Users": "bttest04,other"}
NODE = {"NodeName": "cn01", "State": "IDLE", "CPUTot": "96", "RealMemory": "512000", "Gres": "(null)"}
FACTS = Facts({"SelectType": "select/cons_tres"}, 1000.0, PARTITION, RESERVATION, (NODE,), "22.05.8", True)
QUESTIONS = {name: one for name, one in vars(site_questions).items() if isinstance(one, Question)}


def reach(answer=lambda argv, stdin: Completed(0, "", ""), **more):
    return Reach(RecordedTransport(answer), GRANTED, SlurmSettings(), **more)


def by_question(rows):
    return {row.question: row for row in rows}


def slurm_row(question, facts=FACTS, **more):
    asked = dataclasses.replace(reach(), **more)
    return by_question(answered(slurm_probes(asked, facts)))[question.text]


# What is asked


def test_every_key_that_is_named_is_one_of_the_configuration():
    known = {key for key, _ in values(Settings())}
    named = {key for question in QUESTIONS.values() for key in question.keys}
    assert named <= known
    assert len(named) > 20


def test_every_question_has_a_safe_assumption_and_its_own_words():
    assert len({question.text for question in QUESTIONS.values()}) == len(QUESTIONS)
    assert all(question.safe and question.ask for question in QUESTIONS.values())


# Rows


ODD = Row(
    "Is [bold]this[/] red?",
    State.PROBLEM,
    "no: \x1b[31mred\x07\nand \u202ebackwards",
    "scontrol [cluster.slurm]",
    "Waits for [red]you[/red].",
    ("cluster.slurm.via",),
    "Correct it in [cluster.slurm].",
)


@pytest.mark.parametrize("width", [60, 100, 150, 200])
def test_a_page_shows_all_of_a_row_and_obeys_no_words_from_outside(width):
    page = io.StringIO()
    rows = show([("Title [here]", (ODD,))], Console(file=page, width=width, color_system=None))
    text = page.getvalue()
    assert rows == [ODD]
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert max(map(len, text.splitlines())) <= width
    assert "Title [here]" in text
    flat = "".join(text.split())
    for words in (*ODD.keys, "problem", "no:\\x1b[31mred\\x07\\nand\\u202ebackwards"):
        assert words in flat or width >= 150
    for part in ("[bold]this[/]", "[cluster.slurm]", "[red]you[/red]."):
        assert part in text


def test_json_is_one_document_with_everything():
    document = json.loads(as_json("11010000", [ODD]))
    assert (document["schema"], document["beamtime"]) == ("check-site/1", "11010000")
    (row,) = document["rows"]
    assert row["state"] == "problem"
    assert row["keys"] == ["cluster.slurm.via"]
    assert row["found"] == "no: \\x1b[31mred\\x07\\nand \\u202ebackwards"


def test_what_was_asked_and_not_answered_is_no_success():
    question = Question("What?", "Nothing.")
    rows = [question.found("this", "", ""), question.open("nobody asked")]
    assert exit_code(rows) is Exit.RESULT
    assert exit_code([*rows, question.unknown("late", "")]) is Exit.INFRASTRUCTURE
    assert exit_code([*rows, question.problem("bad", "", "Do it.")]) is Exit.INFRASTRUCTURE
    assert (
        summary(rows)
        == "2 questions: 1 answered, 0 problems, 0 without an answer, 1 that only people can answer."
    )


def test_a_probe_that_fails_keeps_no_other_from_being_asked():
    question = Question("What?", "Nothing.", "Ask somebody.")

    def lost():
        raise InfrastructureError(Failure.NODE_LOST, "It broke.")

    def closed():
        raise PermissionError(13, "Permission denied", "/gpfs/current")

    rows = answered(
        [(question, lost), (question, closed), (question, lambda: question.found("this", "", ""))]
    )
    assert [row.state for row in rows] == [State.UNKNOWN, State.UNKNOWN, State.FOUND]
    assert (rows[0].found, rows[0].consequence, rows[0].next_step) == (
        "It broke.",
        "Nothing.",
        "Ask somebody.",
    )
    assert rows[1].found == "/gpfs/current: Permission denied"


def test_who_asks_to_stop_is_obeyed():
    def stop():
        raise Cancelled("Ctrl-C")

    with pytest.raises(Cancelled):
        answered(submit_probes(dataclasses.replace(reach(), stop=stop)))


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "less than 1 s"), (61, "1 min 1 s"), (86400, "1 d"), (-90061, "1 d 1 h")]
)
def test_durations(seconds, words):
    assert in_words(seconds) == words


# The private key


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "id_rsa"
    path.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    path.chmod(0o600)
    return path


def test_a_key_that_can_be_used(key):
    row = key_row(key, configured=False, allow_open=False)
    assert row.state is State.FOUND
    assert "mode 0600" in row.found
    assert str(key) in row.evidence
    assert "onlineAnalysis" in row.evidence


def test_keys_that_cannot_be_used_are_named_and_never_shown(key, tmp_path):
    key.chmod(0o640)
    opened = key_row(key, configured=True, allow_open=False)
    other = tmp_path / "other"
    other.write_text("a secret that is no key")
    other.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(key)
    rows = [
        opened,
        key_row(other, configured=True, allow_open=False),
        key_row(link, configured=True, allow_open=True),
    ]
    rows += [key_row(one, configured=False, allow_open=False) for one in (None, tmp_path / "nothing")]
    assert {row.state for row in rows} == {State.PROBLEM}
    assert all(row.next_step for row in rows)
    assert "mode 0640" in opened.found
    text = as_json("", rows)
    assert "a secret" not in text
    assert not [line for line in key.read_text().splitlines() if line in text]
    assert "allow_open_key" in key_row(key, configured=True, allow_open=True).found


# The gateways


def test_a_host_key_is_pinned_or_not(tmp_path):
    public = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    hosts = tmp_path / "known_hosts"
    hosts.write_text(f"[max-p3a016]:2222 {public}max-p3a018 {public}")
    settings = SshSettings(hosts)
    assert pinned(settings, "max-p3a016", 2222) == "Its host key is pinned."
    assert pinned(settings, "max-p3a016", 22) == "No host key of it is pinned."
    assert pinned(settings, "max-p3a018", 22) == "Its host key is pinned."
    assert "cannot be read" in pinned(SshSettings(tmp_path / "nothing"), "max-p3a016", 22)


def test_no_gateway_is_a_problem(tmp_path):
    granted = dataclasses.replace(GRANTED, nodes=())
    (tried,) = try_gateways(granted, SshSettings(tmp_path / "known_hosts"))
    assert (tried.ok, tried.row.state) == (False, State.PROBLEM)
    assert "reservedNodes" in tried.row.found


# Slurm


@pytest.mark.parametrize(
    ("config", "shared", "state", "found"),
    [
        ({"SelectType": "select/cons_tres"}, "NO", State.FOUND, "yes"),
        ({"SelectType": "select/cons_tres"}, "EXCLUSIVE", State.FOUND, "no, a job has whole nodes"),
        ({"SelectType": "select/linear"}, "NO", State.FOUND, "no, a job has whole nodes"),
        ({}, "NO", State.UNKNOWN, "It cannot be told"),
    ],
)
def test_whether_jobs_share_nodes(config, shared, state, found):
    facts = dataclasses.replace(FACTS, config=config, partition={**PARTITION, "OverSubscribe": shared})
    row = slurm_row(site_questions.SHARING, facts)
    assert row.state is state
    assert row.found.startswith(found)
    assert ("whole nodes" in row.consequence) is not found.startswith("yes")


def test_time_limits():
    assert slurm_row(site_questions.TIME).found == "at most 1 d; 10 min when it does not say"
    facts = dataclasses.replace(FACTS, partition={**PARTITION, "MaxTime": "UNLIMITED", "DefaultTime": "NONE"})
    assert slurm_row(site_questions.TIME, facts).found == "without a bound"


def test_a_partition_that_is_not_there_is_a_problem_and_one_nobody_asked_about_is_not():
    gone = dataclasses.replace(FACTS, partition={})
    for question in (site_questions.SHARING, site_questions.TIME):
        row = slurm_row(question, gone)
        assert (row.state, "ponline_p11" in row.found) == (State.PROBLEM, True)
        assert slurm_row(question, Facts(why="It was late.")).found == "It was late."
        assert slurm_row(question, Facts(why="It was late.")).state is State.UNKNOWN


def test_nodes_that_are_out_are_named_with_their_reason():
    out = {**NODE, "NodeName": "cn02", "State": "DOWN*", "Reason": "no power [root@1]", "Gres": "gpu:a100:4"}
    some = dataclasses.replace(FACTS, nodes=(NODE, out))
    row = slurm_row(site_questions.NODES, some)
    assert row.found == (
        "1 node (cn01), each with 96 cores and 512 GB for jobs; out: cn02 DOWN* (no power [root@1])"
    )
    assert slurm_row(site_questions.GPU, some).found == "gpu:a100:4"
    assert slurm_row(site_questions.GPU).found == "none that Slurm knows of"
    none = slurm_row(site_questions.NODES, dataclasses.replace(FACTS, nodes=(out,)))
    assert (none.state, "cn02 DOWN*" in none.found) == (State.PROBLEM, True)


def test_reservations():
    assert slurm_row(site_questions.RESERVATION).found == "ACTIVE, ends in 10 min"
    others = dataclasses.replace(FACTS, reservation={**RESERVATION, "Users": "bttest05"})
    row = slurm_row(site_questions.RESERVATION, others)
    assert (row.state, row.found) == (State.PROBLEM, "it is there, but for bttest05 and not for bttest04")
    groups = dataclasses.replace(FACTS, reservation={**RESERVATION, "Users": "(null)"})
    assert slurm_row(site_questions.RESERVATION, groups).state is State.FOUND
    gone = dataclasses.replace(FACTS, reservation={}, nodes=())
    assert slurm_row(site_questions.RESERVATION, gone).state is State.PROBLEM
    assert "nobody knows which" in slurm_row(site_questions.NODES, gone).found
    none = dataclasses.replace(GRANTED, reservation="")
    assert slurm_row(site_questions.RESERVATION, granted=none).found == "none is named"


def test_a_slurm_that_does_not_answer_leaves_every_question_and_is_not_asked_again_and_again():
    asked = reach(
        lambda argv, stdin: Completed(1, "", "Unable to contact slurm controller (connect failure)")
    )
    facts = facts_of(asked)
    assert "Unable to contact" in facts.why
    assert len(asked.transport.asked) == 2
    rows = answered(slurm_probes(asked, facts))
    assert {row.state for row in rows} == {State.UNKNOWN}


# Submitting


def queue(*refused, all_of_them=False):
    """sbatch that refuses some options."""

    def answer(argv, stdin):
        assert argv[:2] == ("sbatch", "--test-only")
        assert stdin.startswith(b"#!")
        if all_of_them or any(word.startswith(refused) for word in argv):
            return Completed(1, "", "allocation failure: Requested operation not permitted\n")
        return Completed(0, "", "sbatch: Job 7 to start at 2026-11-28T02:54:30 using 8 processors\n")

    return reach(answer)


def submit_rows(asked):
    return [(row.state, row.found.partition(":")[0]) for row in answered(submit_probes(asked))]


def test_a_queue_that_takes_everything():
    asked = queue("--nosuch")
    assert submit_rows(asked) == [(State.FOUND, "yes")] * 4
    first = asked.transport.asked[0][0]
    for word in ("--partition=ponline_p11", "--reservation=11010000", "--nice=100", "--comment=bp-check"):
        assert word in first
    assert any(word.startswith("--time=") for word in first)


def test_a_queue_that_refuses_an_option():
    rows = submit_rows(queue("--nice", "--array"))
    assert rows == [
        (State.PROBLEM, "no"),
        (State.PROBLEM, "no"),
        (State.FOUND, "no"),
        (State.FOUND, "yes"),
    ]
    kind = dataclasses.replace(queue("--nice"), slurm=SlurmSettings(nice=0))
    assert submit_rows(kind)[:2] == [(State.FOUND, "yes"), (State.FOUND, "no")]


def test_a_queue_that_refuses_everything_says_nothing_about_options():
    rows = answered(submit_probes(queue(all_of_them=True)))
    assert [row.state for row in rows] == [State.PROBLEM] + [State.UNKNOWN] * 3
    assert "not permitted" in rows[0].found
    assert rows[0].next_step


# Files


class Node:
    """A node that sees this machine's files under another name, and really carries commands out."""

    def __init__(self, root, name="/node/current"):
        self.root, self.name = str(root), name
        self.instead = {}

    def __call__(self, argv, stdin):
        if argv[0] in self.instead:
            return self.instead[argv[0]]
        here = [word.replace(self.name, self.root) for word in argv]
        done = subprocess.run(here, capture_output=True, text=True, check=False)
        back = [text.replace(self.root, self.name) for text in (done.stdout, done.stderr)]
        return Completed(done.returncode, *back)


@pytest.fixture
def root(tmp_path):
    root = (tmp_path / "current").resolve()
    for name in ("raw", "processed"):
        (root / name).mkdir(parents=True)
    return root


def node_rows(root, node, core=None):
    asked = reach(node, node=PurePosixPath(node.name), core=core)
    with probe_place(root / "processed/.beampace") as place:
        acl_row(place)
        return by_question(answered(node_probes(asked, place, root))), asked.transport.asked


def test_a_node_that_sees_and_writes_what_it_should(root):
    rows, asked = node_rows(root, Node(root), PurePosixPath("/node/current"))
    assert {row.state for row in rows.values()} <= {State.FOUND, State.UNKNOWN}
    assert rows["Do nodes see our files?"].found.endswith("as /node/current/processed")
    assert rows["May jobs read raw on the node?"].found == "yes"
    own = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    assert rows["May jobs write on the node?"].found.endswith(f"as a file of {own}")
    assert "daemon's own account" in rows["Who is the account there?"].consequence
    assert list((root / "processed").iterdir()) == []
    assert not [argv for argv, _ in asked for word in argv[1:] if word.startswith("--") and "/" in word]


def test_a_node_that_sees_another_place(root, tmp_path, monkeypatch):
    monkeypatch.setattr("beampace.cli.site_node.PATIENCE_S", 0.1)
    rows, _ = node_rows(root, Node(tmp_path / "elsewhere"))
    assert rows["Do nodes see our files?"].state is State.PROBLEM
    assert rows["May jobs read raw on the node?"].found == "no: it is not there"
    assert rows["May jobs write on the node?"].state is State.PROBLEM
    for question in ("May jobs read raw on core?", "May jobs write on core?", "How far behind is core?"):
        assert rows[question].state is State.OPEN  # no core path is named


def test_a_node_of_which_nobody_knows_where_it_has_the_beamtime(root):
    with probe_place(root / "processed") as place:
        rows = by_question(answered(node_probes(reach(), place, root)))
    assert rows["Do nodes see our files?"].state is State.PROBLEM
    assert "node_base" in rows["Do nodes see our files?"].next_step
    assert rows["May jobs read raw on the node?"].state is State.OPEN
    assert rows["May jobs write on the node?"].state is State.OPEN


def test_answers_that_are_none_are_not_believed(root):
    node = Node(root)
    node.instead = {
        "test": Completed(127, "", "test: command not found"),
        "mktemp": Completed(0, "/etc/passwd\n/node/current/processed/../../x\n", ""),
        "id": Completed(0, "Welcome\n", ""),
        "getfacl": Completed(127, "", "getfacl: command not found"),
    }
    rows, asked = node_rows(root, node, PurePosixPath("/node/current"))
    assert rows["Do nodes see our files?"].state is State.UNKNOWN
    assert rows["May jobs read raw on the node?"].state is State.UNKNOWN
    assert rows["May jobs write on the node?"].state is State.PROBLEM
    assert rows["Who is the account there?"].state is State.UNKNOWN
    assert rows["Do ACLs reach the nodes?"].found == "getfacl is not installed there."
    assert not [argv for argv, _ in asked if argv[0] == "rm"]


def test_raw_data_that_are_closed(root):
    node = Node(root)
    node.instead = {"timeout": Completed(0, "/node/current/raw/a b/x_master.h5\n", "")}
    rows, _ = node_rows(root, node, PurePosixPath("/node/current"))
    assert rows["May jobs read raw on the node?"].state is State.PROBLEM
    assert "a b/x_master.h5 is closed" in rows["May jobs read raw on the node?"].found
    assert rows["May jobs read raw on core?"].state is State.FOUND
    node.instead = {"timeout": Completed(124, "", "")}
    assert "within 10 s" in node_rows(root, node)[0]["May jobs read raw on the node?"].found


def test_a_place_for_probing_is_open_to_the_account_and_goes_away(root):
    (root / "processed/.beampace").symlink_to("/tmp")  # planted
    with probe_place(root / "processed/.beampace/jobs") as place:
        assert place.base == root / "processed"
        assert stat.S_IMODE(place.directory.stat().st_mode) == 0o1777
        assert processed_row(place).state is State.FOUND
    assert not place.directory.exists()


def test_a_place_that_cannot_be_made_is_a_problem():
    place = ProbePlace(Path("/gpfs/current/processed"), None, "Permission denied")
    row = processed_row(place)
    assert (row.state, "Permission denied" in row.found) == (State.PROBLEM, True)
    assert acl_row(place).state is State.UNKNOWN


def test_the_access_list_is_what_getfacl_reads(tmp_path):
    if shutil.which("getfacl") is None:
        pytest.skip("getfacl is not installed")
    file = tmp_path / "file"
    file.touch()
    try:
        os.setxattr(file, ACL, access_list(12345))
    except OSError:
        pytest.skip("no access lists in the temporary directory")
    said = subprocess.run(
        ["getfacl", "-n", "-c", "-p", str(file)], capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["user::rw-", "user:12345:r--", "group::r--", "mask::r--", "other::---"]


# Programs


BANNER = " ***** XDS ***** (VERSION Jan 19, 2025  BUILT=20250714)   6-Jan-2026 Author: Wolfgang Kabsch "


def program_rows(python="Python 3.9.1", beampace="beampace 0", modules="", programs=""):
    def answer(argv, stdin):
        if argv[0] == "ls":
            return Completed(0, "xdsapp_sbatch.sh\nREADME\n", "")
        if argv[-2:] == ("beampace", "--version"):
            return Completed(0, f"Welcome\n{beampace}\n", "")
        said = modules if "avail" in argv[-1] else programs if "xds_par" in argv[-1] else python
        return Completed(0, f"Welcome\n{said}\n", "")

    return by_question(answered(program_probes(reach(answer), "p11")))


def test_versions_of_programs():
    there = "beampace-xds_par=/opt/xds/xds_par\nbeampace-dials_version=/opt/dials/bin/dials.version\n"
    there += (
        "beampace-process=\nbeampace-ccp4_python=/sw/ccp4-9/bin/ccp4-python\nbeampace-dials=DIALS 3.22.0\n"
    )
    rows = program_rows(programs=f"{there}beampace-xds={BANNER}Copy licensed until 30-Sep-2099 to you")
    assert (
        rows["Which XDS?"].found
        == "Jan 19, 2025, built 20250714, licensed until 30 September 2099: /opt/xds/xds_par"
    )
    assert rows["Which DIALS?"].found == "DIALS 3.22.0: /opt/dials/bin/dials.version"
    assert rows["Which autoPROC?"].found == "none on PATH"
    assert rows["Which CCP4?"].found == "/sw/ccp4-9/bin/ccp4-python"
    assert rows["Are the *_sbatch.sh scripts there?"].found == "xdsapp_sbatch.sh"
    old = program_rows(programs=f"{there}beampace-xds={BANNER}Sorry, license expired 31-Jan-2026")
    assert (old["Which XDS?"].state, "31 January 2026" in old["Which XDS?"].found) == (State.PROBLEM, True)
    assert program_rows(programs="bash: broken")["Which XDS?"].state is State.UNKNOWN


def test_python_and_beampace_there():
    from beampace import __version__

    rows = program_rows(beampace=f"beampace {__version__}")
    assert rows["Is there a Python for jobs?"].found == "Python 3.9.1"
    assert rows["Is beampace there?"].found == f"yes, {__version__} as here"
    rows = program_rows(python="Python 3.8.10", beampace="beampace 0.0.0.1")
    assert rows["Is there a Python for jobs?"].state is State.PROBLEM
    assert "0.0.0.1 there" in rows["Is beampace there?"].found
    rows = program_rows(python="Python 2", beampace="No module named beampace")
    assert rows["Is there a Python for jobs?"].state is State.PROBLEM
    assert rows["Is beampace there?"].state is State.PROBLEM


def test_modules():
    listed = (
        "/software/modules:\nanaconda3/5.2\nxds/2025\nautoproc/20240710(default)\nccp4/9.0\nxdsapp/3.0.8\n"
    )
    found = program_rows(modules=listed)["Which modules are there?"].found
    assert found == "xds/2025, autoproc/20240710(default), ccp4/9.0, xdsapp/3.0.8"
    many = "".join(f"dials/3.{number}\n" for number in range(20))
    assert program_rows(modules=many)["Which modules are there?"].found.endswith("dials/3.11 and 8 more")
    assert "no `module`" in program_rows(modules="beampace-module=none")["Which modules are there?"].found


def test_lines_before_jobs_go_before_what_jobs_run_and_see_no_arguments(tmp_path):
    def run(argv, stdin):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return Completed(done.returncode, done.stdout, done.stderr)

    asked = reach(run, setup=('export FROM_SETUP="$#"',))
    done = asked.run_as_job(("sh", "-c", 'echo "$FROM_SETUP $1"', "sh", "it's; $(x)"), 10.0)
    assert done.stdout == "0 it's; $(x)\n"


# The whole


METADATA = json.dumps(
    {
        "beamtimeId": "11010000",
        "beamline": "p11",
        "onlineAnalysis": {
            "userAccount": "bttest04",
            "slurmPartition": "ponline_p11",
            "reservedNodes": ["n1"],
        },
    }
)


def test_through_rest_every_question_is_there_and_nobody_is_asked(root):
    metadata = parse_metadata(METADATA.encode(), Path("x"))
    beamtime = OpenBeamtime(
        "11010000", root, root / "raw", root / "processed", "", metadata, GRANTED, entrance=root
    )
    places = NodePlaces(SlurmSection(via="rest"))
    places.see(beamtime)
    with probe_place(root / "processed") as place:
        sections = list(cluster_sections(Way(beamtime, GRANTED, places, place, lambda: None)))
    rows = [row for _, group in sections for row in group]
    assert {row.state for row in rows} == {State.OPEN}
    assert {"Do jobs share nodes?", "Which XDS?", "May jobs write on core?"} <= {row.question for row in rows}


def test_outside_a_beamtime_it_says_so_and_what_only_people_know(tmp_path, monkeypatch):
    file = tmp_path / "beampace.toml"
    file.write_text(f'[beamtime]\nroots = ["{tmp_path}/nothing"]\n')
    done = CliRunner().invoke(app, ["check", "--site", "--config", str(file), "--json"])
    rows = json.loads(done.stdout)["rows"]
    assert done.exit_code == Exit.INFRASTRUCTURE
    assert (rows[0]["state"], rows[0]["next_step"]) == ("problem", "Ask for `startBeamtime`.")
    assert {row["state"] for row in rows[1:]} == {"not asked"}


def test_a_beamtime_without_online_resources_names_what_is_missing(root, tmp_path):
    (root / "beamtime-metadata-1.json").write_text(
        '{"beamtimeId": "1", "onlineAnalysis": {"userAccount": "-x"}}'
    )
    file = tmp_path / "beampace.toml"
    file.write_text(f'[beamtime]\nroots = ["{root}"]\n')
    done = CliRunner().invoke(app, ["check", "--site", "--config", str(file)], env={"COLUMNS": "100"})
    text = " ".join(done.stdout.split())
    assert done.exit_code == Exit.INFRASTRUCTURE
    assert "the metadata name no online resources" in text
    assert "Do its metadata make sense?" in text
    assert "beamtime-metadata-1.json" in "".join(done.stdout.split())


def test_config_goes_with_site(tmp_path):
    assert CliRunner().invoke(app, ["check", "--config", str(tmp_path)]).exit_code == Exit.BAD_INPUT
    wrong = CliRunner().invoke(app, ["check", "--site", "--config", str(tmp_path / "nothing")])
    assert wrong.exit_code == Exit.BAD_INPUT

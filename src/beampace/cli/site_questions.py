"""What is asked of a site, and what beampace does as long as there is no answer."""

from __future__ import annotations

from beampace.cli.site_row import Question

_P11 = "Ask the staff of the beamline."
_SLURM = "cluster.slurm"


def _keys(*names: str) -> tuple[str, ...]:
    return tuple(f"{_SLURM}.{name}" for name in names)


BEAMTIME = Question(
    "Which beamtime is open?",
    "Nothing is done until one is open.",
    "Ask for `startBeamtime`.",
    ("beamtime.roots", "beamtime.fixed"),
)
METADATA = Question("Do its metadata make sense?", "What makes no sense counts as absent.")
GRANTED = Question(
    "What is granted on the cluster?",
    "No job is submitted.",
    "Ask for `startBeamtime --online`.",
    _keys("account", "partition", "reservation"),
)
HERE = Question("Who asks, and where?", "The daemon runs as p11user on a computer of the beamline.", _P11)
KEY = Question(
    "May the private key be used?",
    "No job is submitted.",
    "Ask who may read the key; a copy with mode 0600 will do.",
    _keys("ssh_key", "allow_open_key"),
)
GATEWAY = Question(
    "Can {gateway} be reached?",
    "The gateways are tried in their order; a command goes through the first that lets it in.",
    keys=_keys("gateways", "port", "known_hosts"),
)
PROCESSED_HERE = Question(
    "May this account write here?",
    "No job is started.",
    "Ask for the right to write to the beamtime's `processed`.",
    _keys("work_room"),
)
ACL_HERE = Question(
    "Do access lists (ACLs) work here?",
    "None are relied on: groups are kept apart by directories and by the pages, not by the file system.",
    keys=("groups.readers",),
)

VERSION = Question(
    "Which Slurm is it?",
    "Only options and formats are used that Slurm 22.05 knows.",
    keys=_keys("programs"),
)
ACCOUNTING = Question(
    "Does sacct answer?",
    "Jobs that ended are known by the files they left.",
    keys=_keys("job_log"),
)
SHARING = Question(
    "Do jobs share nodes?",
    "Nodes count as exclusive: whole nodes are held, and work runs as steps in them.",
    keys=_keys("shape", "nodes"),
)
TIME = Question(
    "How long may a job last?",
    "Every job is given a time limit.",
    keys=_keys("most_time_s", "hold_s"),
)
NODES = Question(
    "How many nodes, how large?",
    "One node of 4 cores and 8 GB.",
    keys=_keys("nodes", "node_cores", "node_memory_mb"),
)
GPU = Question("Have they GPUs?", "None is used.")
RESERVATION = Question(
    "Is the reservation there?",
    "Its name is read from the metadata before each submit: it changes between pre-start and start.",
    keys=_keys("reservation"),
)
SUBMIT = Question(
    "Are our jobs accepted?",
    "A job that is refused is tried again later, and staff are told why.",
    keys=_keys("partition", "sbatch"),
)
NICE = Question(
    "Is --nice allowed?", "The order of jobs is kept by beampace's own queue.", keys=_keys("nice")
)
ARRAY = Question("Is --array allowed?", "It is not used: each job is submitted by itself.")
DEPENDENCY = Question("Is --dependency allowed?", "It is not used: beampace itself waits.")

ACCOUNT = Question("Who is the account there?", "Jobs are taken to run as another account than the daemon.")
SEEN = Question(
    "Do nodes see our files?",
    "Nodes are taken to see the beamtime below `node_base`.",
    keys=_keys("node_base", "paths"),
)
RAW_NODE = Question(
    "May jobs read raw on the node?",
    "Raw data are read where the detector writes them.",
    keys=_keys("read", "node_base"),
)
RAW_CORE = Question("May jobs read raw on core?", "Raw data are not read there.", keys=_keys("read"))
WRITE_NODE = Question(
    "May jobs write on the node?",
    "Jobs write to directories that the daemon makes and opens to them.",
    keys=_keys("work_room", "node_base"),
)
WRITE_CORE = Question("May jobs write on core?", "Nothing is written there.")
LAG = Question(
    "How far behind is core?",
    "It may lag by minutes: raw data are read where the detector writes them.",
    keys=_keys("read"),
)
ACL_NODE = Question("Do ACLs reach the nodes?", "None are relied on.", keys=("groups.readers",))
PYTHON = Question("Is there a Python for jobs?", "No job can start without one.", keys=_keys("python"))
PROGRAM = Question(
    "Is beampace there?",
    "No job can start without it.",
    "Install it where nodes see it, at the same path or at the one in `program`.",
    _keys("program", "container", "setup"),
)
MODULES = Question("Which modules are there?", "None is loaded.", _P11, _keys("setup"))
XDS = Question("Which XDS?", "It is looked for when it is needed.", _P11, _keys("setup"))
DIALS = Question("Which DIALS?", "It is looked for when it is needed.", _P11, _keys("setup"))
AUTOPROC = Question("Which autoPROC?", "It is looked for when it is needed.", _P11, _keys("setup"))
CCP4 = Question("Which CCP4?", "It is looked for when it is needed.", _P11, _keys("setup"))
SCRIPTS = Question(
    "Are the *_sbatch.sh scripts there?",
    "The programs are called directly; the scripts may be recipes.",
    _P11,
    ("engines.recipes",),
)

HTTP = Question("May jobs use HTTP or the internet?", "No: results and progress are files.")
STOP = Question(
    "What ends at stopBeamtime, and when?",
    "Everything at once. Results are published early; the ledger lies outside the beamtime.",
    keys=("beamtime.grace_s", *_keys("closed_s", "farewell_s")),
)
GUI = Question(
    "Which program collects the data?",
    "The names of CrystalControl and of MXCuBE are both understood.",
    _P11,
    ("groups.rule", "groups.pattern"),
)
DETECTOR = Question(
    "Which detector mode and file layout?",
    "Whatever the master file says, up to 133 frames/s; files are closed ones that appear one by one.",
    _P11,
    ("watch.poll_s",),
)
ASAPO = Question("What are the ASAP::O streams called?", "ASAP::O is not used.", _P11)
LICENCES = Question(
    "Do licences cover online use?",
    "Every licensed program is optional.",
    _P11,
    ("engines.available",),
)

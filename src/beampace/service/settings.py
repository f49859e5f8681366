"""Settings of the daemon: one tree, from a TOML file and the environment, every key described.

`BEAMPACE_CLUSTER__CORES=8` overrides `[cluster] cores`. A key nobody knows is an error.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from beampace.plan import Rule

ENVIRONMENT_PREFIX = "BEAMPACE_"


class Section(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class BeamtimeSection(Section):
    """Where beamtimes are found."""

    roots: tuple[Path, ...] = (Path("/gpfs/current"), Path("/gpfs/commissioning"))
    """Directories that may hold a metadata file beside `raw` and `processed`, the preferred first."""
    fixed: Path | None = None
    """A directory with `raw` and `processed` to work on without any metadata file, instead of `roots`."""
    id: str = Field(default="", pattern=r"^[A-Za-z0-9_.-]{0,64}$")
    """Name of the fixed beamtime; by default the name of its directory."""
    grace_s: float = Field(default=5.0, ge=0)
    """Seconds a metadata file may be gone before the beamtime counts as stopped."""
    drain_s: float | None = Field(default=None, ge=0)
    """Seconds that work may go on after the stop, as long as its files are still there; by default 300 on
    this machine and none on Slurm, where account and nodes are gone."""


class WatchSection(Section):
    """How datasets are found."""

    poll_s: float = Field(default=0.2, ge=0.05, le=10)
    """Seconds from one look at active directories to the next."""
    patience_s: float | None = Field(default=None, ge=0)
    """Seconds without a new file after which a dataset has stopped growing; by default it depends on the
    frame time."""
    late_s: float = Field(default=3600.0, ge=0)
    """Seconds after its end for which a dataset that lacks frames is watched for files that turn up late."""


class SlurmSection(Section):
    """How jobs get to Slurm as the beamtime user, and what is on the nodes."""

    via: Literal["ssh", "local", "rest"] = "ssh"
    """Through ssh as the account of the metadata, by Slurm's programs of this machine as the daemon's own
    account, or by slurmrestd."""
    known_hosts: Path | None = None
    """File with the pinned host keys of the gateways; none is believed that is not in it."""
    gateways: tuple[str, ...] = ()
    """`host` or `host:port` to log in to, tried in turn; by default the reserved nodes of the metadata."""
    port: int = Field(default=22, ge=1, le=65535)
    """Port of the gateways where none is named."""
    ssh_key: Path | None = None
    """Private key to use instead of the metadata's, mode 0600."""
    allow_open_key: bool = False
    """Use the private key also when other accounts may read it."""
    rest_url: str = ""
    """Base of slurmrestd, such as `https://max-slurm-rest.desy.de/sapi`."""
    rest_version: str = Field(default="", pattern=r"^(v0\.0\.\d{2})?$")
    """Version of its interface; empty takes the highest that both sides know."""
    rest_token: Path | None = None
    """File with the token, mode 0600; read at every use."""
    account: str = Field(default="", pattern=r"^[A-Za-z0-9_.-]{0,64}$")
    """Account whose jobs they are, where the metadata name none."""
    partition: str = Field(default="", pattern=r"^[A-Za-z0-9_.,+-]{0,128}$")
    """Partition, where the metadata name none."""
    reservation: str = Field(default="", pattern=r"^[A-Za-z0-9_.,+-]{0,128}$")
    """Reservation, where the metadata name none."""
    shape: Literal["auto", "exclusive", "shared"] = "auto"
    """Whether a job has its node for itself: asked of Slurm, or said here."""
    nodes: int = Field(default=0, ge=0)
    """Exclusive nodes that are held at most; 0 holds all of the reservation, or one where there is none."""
    node_cores: int = Field(default=0, ge=0)
    """Cores of a node; 0 asks Slurm."""
    node_memory_mb: int = Field(default=0, ge=0)
    """Memory of a node, MB; 0 asks Slurm."""
    hold_s: int = Field(default=86400, ge=120)
    """Seconds for which nodes are held at a time."""
    renew_s: int = Field(default=1800, ge=10)
    """Seconds before the end of what is held at which it is asked for again."""
    most_time_s: int = Field(default=0, ge=0)
    """Longest time limit that is asked for, seconds; 0 asks Slurm."""
    nice: int = Field(default=100, ge=0)
    """How much lower jobs that nobody waits for are queued where nodes are shared."""
    sbatch: tuple[str, ...] = ()
    """Further arguments of sbatch, each `--name=value`."""
    programs: PurePosixPath | None = None
    """Directory of Slurm's programs where they run; by default PATH."""
    job_log: str = ""
    """Job-completion log there, for sites without accounting."""
    poll_s: float = Field(default=1.0, ge=0.1, le=60)
    """Seconds from one question to Slurm to the next while something happens."""
    quiet_s: float = Field(default=5.0, ge=0.1, le=300)
    """The same while nothing changes."""
    closed_s: float = Field(default=30.0, ge=0)
    """Seconds after the stop of the beamtime from which on attempts nobody can ask for count as gone."""
    farewell_s: float = Field(default=20.0, ge=0)
    """Seconds after the stop for which the account is still used, to cancel and to give back."""
    node_base: str = Field(default="/beamline", pattern=r"^(/[^\x00-\x1f]*)?$")
    """Where nodes mount beamlines: `<node_base>/<beamline>/current`. Empty: nodes see the same paths."""
    read: Literal["node", "core"] = "node"
    """View from which jobs read raw data: `node` is what the detector writes, `core` comes minutes later."""
    paths: dict[str, str] = {}
    """Directories outside the beamtime under the names nodes have for them, such as `/common/p11` =
    `/asap3/petra3/gpfs/common/p11`."""
    work_room: str = Field(default="processed/.beampace", pattern=r"^[A-Za-z0-9_][^\x00-\x1f]*$")
    """Directory for the jobs' files, below the beamtime's, that nodes can write to."""
    python: str = "python3"
    """Interpreter on the nodes for the launcher, 3.9 or later."""
    program: tuple[str, ...] = ()
    """Interpreter on the nodes that has beampace; by default the daemon's own path."""
    setup: tuple[str, ...] = ()
    """Lines of shell before each job, such as `module load maxwell xds`."""
    container: str = ""
    """Image in which jobs run (`apptainer exec`), as nodes see it."""
    container_args: tuple[str, ...] = ()
    """Further arguments of `apptainer exec`."""
    scratch: tuple[str, ...] = ("/scratch", "/tmp")  # noqa: S108 (the launcher makes a directory of its own)
    """Local directories of the nodes for temporary files; the first with room is taken."""
    scratch_mb: int = Field(default=20000, ge=0)
    """Room that has to be free there, MB."""
    grace_s: float = Field(default=10.0, ge=0)
    """Seconds a cancelled program has to end by itself; below Slurm's `KillWait`."""


class ClusterSection(Section):
    """Where jobs run and how much of it they may use."""

    kind: Literal["local", "slurm"] = "local"
    """Processes of this machine, or jobs of Slurm."""
    cores: int | None = Field(default=None, ge=1)
    """Cores in all, for all classes of work. By default full processing may use every core of this process,
    and what is kept for urgent and live work comes on top: it shares the cores and goes first by priority."""
    memory_mb: int | None = Field(default=None, ge=256)
    """Memory in all, MB; by default nine tenths of the machine's."""
    urgent_cores: int | None = Field(default=None, ge=0)
    """Cores kept free for urgent work; by default a quarter, at least one of several."""
    urgent_memory_mb: int | None = Field(default=None, ge=0)
    """Memory kept free for urgent work, MB; by default a quarter."""
    live_cores: int | None = Field(default=None, ge=0)
    """Cores that besides urgent only live work may use; by default an eighth, at least one of three."""
    attempts: int = Field(default=3, ge=1, le=20)
    """Attempts of a job that ends by a fault of the infrastructure."""
    warm: bool = True
    """Keep a warm process ready, so that urgent work starts at once (this machine only)."""
    slurm: SlurmSection = SlurmSection()
    """How jobs get to Slurm."""


class EnginesSection(Section):
    """Engines of `process`."""

    available: tuple[str, ...] | None = None
    """Engines that may be planned; by default those that are installed. Recipes are added."""
    recipes: tuple[Path, ...] = ()
    """Directories with recipes (TOML files); never below a beamtime."""


class StoreSection(Section):
    """The ledger."""

    url: SecretStr = SecretStr("")
    """PostgreSQL URL; empty for SQLite in `state_dir`."""


class HttpSection(Section):
    """The HTTP interface."""

    host: str = "127.0.0.1"
    """Address it listens on."""
    port: int = Field(default=0, ge=0, le=65535)
    """Port; 0 switches it off."""
    tokens: Path | None = None
    """File with the tokens, readable by nobody else; by default `tokens` in `state_dir`."""


class ControlSection(Section):
    """The Unix socket the commands use."""

    allowed_users: tuple[str, ...] = ()
    """Accounts, besides the daemon's own and root, that may give commands."""
    allowed_groups: tuple[str, ...] = ()
    """Groups of accounts that may give commands."""


class GroupsSection(Section):
    """Groups of people within a beamtime."""

    readers: dict[str, tuple[str, ...]] = {}
    """Group -> Unix accounts that may read its results, where the file system knows access lists (ACLs).
    Results of a group in this table are closed to all others; those of other groups everybody may read."""

    rule: Literal["none", "folder", "pattern"] = "none"
    """Where the group of a dataset is read: nowhere, the first folder below `raw`, or `pattern`."""
    pattern: str = ""
    """Regular expression with (?P<group>...) on the path below `raw`."""
    table: Path | None = None
    """Table of sample or puck to group, CSV or TOML; it goes before the rule."""
    default: str = Field(default="beamtime", pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    """Group of what no rule names."""


class HooksSection(Section):
    """What is told of each result."""

    command: tuple[str, ...] = ()
    """A program and its arguments; the result directory is added, the result comes on standard input."""
    url: SecretStr = SecretStr("")
    """Where the result is posted as JSON: https, or a host of this machine. It may hold a secret, and is not
    shown."""
    timeout_s: float = Field(default=30.0, gt=0)
    """Seconds a hook may take."""


class ResultsSection(Section):
    """What is left for the users."""

    keep: Literal["results", "all"] = "results"
    """`all` keeps the intermediate files of successful work."""
    datasets_txt: bool = True
    """Append a line per result to `processed/datasets.txt` (one group only)."""
    engines: tuple[str, ...] = ("dials",)
    """Engines in the order in which their results are recommended when all else is equal."""
    hooks: HooksSection = HooksSection()
    """What is told of each result."""


class DiskSection(Section):
    """When space gets short."""

    min_free: float = Field(default=0.05, ge=0, lt=1)
    """Share of the file system below which only results are written."""
    quota_gb: float | None = Field(default=None, gt=0)
    """Size `processed` may have, GB."""


class LogSection(Section):
    """The daemon's log, `log/beampace.jsonl` in `state_dir`."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written."""
    max_mb: float = Field(default=20.0, gt=0)
    """Size at which a log file is put aside."""
    files: int = Field(default=10, ge=1, le=1000)
    """Log files that are kept."""
    attempts_days: float = Field(default=7.0, ge=0)
    """Days for which what attempts of ended jobs left in `state_dir` is kept; a day after their beamtime."""


class Settings(BaseSettings):
    """All settings of the daemon."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
    )

    state_dir: Path = Path("~/.local/state/beampace")
    """Directory on a local disk for the ledger, the jobs and the log."""
    beamtime: BeamtimeSection = BeamtimeSection()
    """Where beamtimes are found."""
    watch: WatchSection = WatchSection()
    """How datasets are found."""
    cluster: ClusterSection = ClusterSection()
    """Where jobs run."""
    engines: EnginesSection = EnginesSection()
    """Engines of `process`."""
    rules: tuple[Rule, ...] | None = None
    """What is done for which dataset; by default the rules of `beampace config show`."""
    store: StoreSection = StoreSection()
    """The ledger."""
    http: HttpSection = HttpSection()
    """The HTTP interface."""
    control: ControlSection = ControlSection()
    """The Unix socket."""
    groups: GroupsSection = GroupsSection()
    """Groups of people."""
    results: ResultsSection = ResultsSection()
    """What is left for the users."""
    disk: DiskSection = DiskSection()
    """When space gets short."""
    log: LogSection = LogSection()
    """The daemon's log."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing is read when settings are made; `configuration.load` joins file and environment."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def json_schema() -> dict[str, Any]:
    """The published schema of the configuration file."""
    return Settings.model_json_schema()

"""Settings of the daemon: one tree, from a TOML file and the environment, every key described.

`BEAMPACE_CLUSTER__CORES=8` overrides `[cluster] cores`. A key nobody knows is an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, IPvAnyAddress, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from beampace.plan import Rule
from beampace.service.section import Section
from beampace.service.slurm_section import SlurmSection
from beampace.work.beamline import Beamline

ENVIRONMENT_PREFIX = "BEAMPACE_"


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
    public_url: str = Field(default="", pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~-]+)*)?$")
    """Address under which people reach the pages, such as https://beamline.example.org/beampace; log-in from
    other machines needs one that begins with https, served by a proxy."""
    base_path: str = Field(default="", pattern=r"^(/[A-Za-z0-9._~-]+)*$")
    """Path before all addresses, such as /beampace; by default that of `public_url`."""
    proxies: tuple[IPvAnyAddress, ...] = ()
    """Addresses of proxies that are believed when they say by X-Forwarded-For, -Proto and -Host who asks."""
    session_h: float = Field(default=12.0, gt=0, le=744)
    """Hours a log-in lasts."""

    @model_validator(mode="after")
    def _one_path(self) -> Self:
        path = urlsplit(self.public_url).path
        if self.public_url and self.base_path and path != self.base_path:
            raise ValueError(f"public_url has the path {path or '/'}, base_path is {self.base_path}")
        return self


class ControlSection(Section):
    """The Unix socket the commands use."""

    allowed_users: tuple[str, ...] = ()
    """Accounts, besides the daemon's own and root, that may give commands."""
    allowed_groups: tuple[str, ...] = ()
    """Groups of accounts that may give commands."""


class GroupsSection(Section):
    """Groups of people within a beamtime."""

    readers: dict[str, tuple[str, ...]] = Field(default_factory=dict)
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
    beamline: Beamline = Beamline()
    """What the beamline can do, for strategies; `beampace strategy` takes it from here, too."""
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

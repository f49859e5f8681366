"""Where XDS and the plug-in that reads its frames are, and what they say of themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.engines.xds.banner import Banner, parse_banner

PROGRAMS = ("xds_par", "forkxds", "mcolspot_par", "mintegrate_par")
HOW_TO_GET = (
    "XDS is licensed: https://xds.mr.mpg.de; unpack it and put its directory on PATH. The plug-in: "
    "dectris-neggia.so from https://github.com/dectris/neggia, named by BEAMPACE_XDS_LIB"
)
LIBRARY = "BEAMPACE_XDS_LIB"
"""Environment variable: path of the plug-in."""

PLUGINS: Mapping[str, str] = {
    "dectris-neggia.so": "frames of three dimensions in files of one length, a contiguous mask, legacy names",
    "durin-plugin.so": "reads one frame at a time: slower",
}
"""File name to what it is limited to, the preferred first; the companion master is within both."""

LONGEST_PATH = 200
CHILD: Mapping[str, str] = {"HDF5_USE_FILE_LOCKING": "FALSE"}
WARN_DAYS = 30
"""Days before the end of the licence from which it is told."""
IMPRINTED = ("20250101", "20250713")
"""First and last build in which masked pixels may leave their imprint on the background (autoPROC wiki,
July 2025: mended in BUILT=20250714)."""
TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class XdsInstallation:
    """XDS as it is found in an environment.

    Attributes:
        directory: where its programs are, or None to look on PATH.
        variables: environment variables to add or replace.
    """

    directory: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Environment of its programs."""
        chosen = {**os.environ, **CHILD, **self.variables}
        if self.directory is not None:
            chosen["PATH"] = f"{self.directory}{os.pathsep}{chosen.get('PATH', '')}"
        return chosen

    def absent(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        """Programs that cannot be found."""
        return tuple(name for name in PROGRAMS if _find(name, environment) is None)

    def missing(self, today: date | None = None) -> tuple[str, ...]:
        """What it lacks, as sentences; empty when it is ready.

        Raises:
            InfrastructureError: its licence ended (licence_expired), or it does not end.
        """
        environment = self.environment()
        absent = self.absent(environment)
        if absent:
            return (f"XDS is not installed ({', '.join(absent)} not on PATH). {HOW_TO_GET}.",)
        plug_in = library(environment)
        if plug_in is not None and _unreadable_path(plug_in):
            return (_unreadable_path(plug_in),)
        if plug_in is None:
            return (f"XDS has no plug-in for HDF5 ({' or '.join(PLUGINS)}). {HOW_TO_GET}.",)
        banner = self.banner(environment)
        if banner is None:
            return ("xds_par does not say which version it is; run it in an empty directory.",)
        check_licence(banner, today or datetime.now(UTC).date())
        return ()

    def path(self, environment: Mapping[str, str]) -> str:
        """Where the program is.

        Raises:
            InfrastructureError: it is not there (engine_missing).
        """
        found = _find("xds_par", environment)
        if found is None:
            raise failure(Failure.ENGINE_MISSING, "xds_par is not on PATH.", HOW_TO_GET)
        return found

    def banner(self, environment: Mapping[str, str]) -> Banner | None:
        """What the program says of itself in an empty directory; None when it says nothing.

        Raises:
            InfrastructureError: it cannot be started (engine_missing) or does not end (engine_failed).
        """
        program = self.path(environment)
        with tempfile.TemporaryDirectory(prefix="beampace-xds-") as empty:
            try:
                done = subprocess.run(
                    [program],
                    env=dict(environment),
                    cwd=empty,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=TIMEOUT_S,
                    check=False,
                )
            except OSError as error:
                raise failure(Failure.ENGINE_MISSING, f"{program} cannot be started: {error}.") from error
            except subprocess.TimeoutExpired as error:
                raise failure(Failure.ENGINE_FAILED, f"{program} does not end.") from error
        return parse_banner((done.stdout + done.stderr).decode("utf-8", "replace"))


def library(environment: Mapping[str, str]) -> Path | None:
    """The plug-in: named by the environment, else the first beside XDS, in LD_LIBRARY_PATH or PATH."""
    named = environment.get(LIBRARY)
    if named:
        return Path(named).absolute() if Path(named).is_file() else None
    places = list(_places(environment))
    found = ((place / name).absolute() for name in PLUGINS for place in places)
    return next((path for path in found if path.is_file()), None)


def _unreadable_path(plug_in: Path) -> str:
    """Why XDS cannot be told where the plug-in is, or ""."""
    text = str(plug_in)
    if len(text) > LONGEST_PATH or not text.isascii() or any(letter.isspace() for letter in text):
        return f"XDS cannot read the path {text}: it takes {LONGEST_PATH} plain letters, without blanks."
    return ""


def check_licence(banner: Banner, today: date) -> None:
    """Stop when the program cannot be used any more.

    Raises:
        InfrastructureError: licence_expired.
    """
    until = banner.licensed_until
    if banner.expired or (until is not None and until < today):
        words = f"That of XDS ended on {until:%d %B %Y}." if until else "It is that of XDS."
        raise failure(Failure.LICENCE_EXPIRED, words, "Fetch the current version of XDS.")


def warnings(banner: Banner, today: date) -> Iterator[str]:
    """What the beamline should know of a program that works, as sentences."""
    until = banner.licensed_until
    if until is not None and 0 <= (until - today).days <= WARN_DAYS:
        yield f"The licence of XDS ends on {until:%d %B %Y}: fetch the current version in time."
    if IMPRINTED[0] <= banner.built <= IMPRINTED[1]:
        yield (
            f"XDS BUILT={banner.built} may leave masked pixels in the background; "
            "fetch BUILT=20250714 or later."
        )


def _find(program: str, environment: Mapping[str, str]) -> str | None:
    return shutil.which(program, path=environment.get("PATH", ""))


def _places(environment: Mapping[str, str]) -> Iterator[Path]:
    program = _find("xds_par", environment)
    if program is not None:
        yield Path(program).resolve().parent
    for name in ("LD_LIBRARY_PATH", "PATH"):
        yield from (Path(text) for text in environment.get(name, "").split(os.pathsep) if text)

"""Where DIALS is and what environment its programs need."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

PROGRAMS = (
    "dials.import",
    "dials.find_spots",
    "dials.index",
    "dials.refine",
    "dials.integrate",
    "dials.symmetry",
    "dials.scale",
    "dials.merge",
    "dials.export",
    "dials.reindex",
    "dials.version",
)
HOW_TO_GET = "Debian: apt-get install dials bitshuffle; elsewhere: https://dials.github.io/installation.html"
HOW_TO_GET_FILTER = (
    "Debian: apt-get install bitshuffle; or set HDF5_PLUGIN_PATH to the plugins directory of "
    "the Python package hdf5plugin"
)

DEBIAN_FILTERS = (
    Path("/usr/lib/x86_64-linux-gnu/hdf5/serial/plugins/libh5bshuf.so"),
    Path("/usr/lib/aarch64-linux-gnu/hdf5/serial/plugins/libh5bshuf.so"),
)

FIXED: Mapping[str, str] = MappingProxyType(
    {
        "HDF5_USE_FILE_LOCKING": "FALSE",
        # DIALS runs one process per core; threads below that only fight for the cores.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        # Keep image-sized blocks in the heap: fresh mmaps and page faults cost a third of spot finding.
        "MALLOC_MMAP_THRESHOLD_": "4000000000",
        "MALLOC_TRIM_THRESHOLD_": "8000000000",
        "MALLOC_TOP_PAD_": "256000000",
        # Lines must arrive while a program works, or nothing moves on the screen.
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
)


@dataclass(frozen=True, slots=True)
class DialsInstallation:
    """DIALS as command + environment lines.

    Attributes:
        directory: where the `dials.*` commands are, or None to look on PATH.
        setup_lines: shell lines that make DIALS available, such as `module load dials`; fixed text
            of the configuration, never from data.
        variables: environment variables to add or replace.
    """

    directory: Path | None = None
    setup_lines: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Environment of the programs: ours, without what belongs to our own Python."""
        inherited = _from_setup_lines(self.setup_lines) if self.setup_lines else dict(os.environ)
        chosen = {**_without_our_python(inherited), **FIXED, **self.variables}
        if self.directory is not None:
            chosen["PATH"] = f"{self.directory}{os.pathsep}{chosen.get('PATH', '')}"
        return chosen | _filter_variables(chosen)

    def find(self, program: str, environment: Mapping[str, str]) -> str | None:
        """Absolute path of a program, or None."""
        return shutil.which(program, path=environment.get("PATH", ""))

    def absent(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        """Programs that cannot be found."""
        return tuple(name for name in PROGRAMS if self.find(name, environment) is None)


def interpreter(program: Path) -> str | None:
    """The Python that runs a `dials.*` program, from its first line; None for a compiled launcher."""
    with program.open("rb") as file:
        first = file.readline(512)
    words = first[2:].decode("utf-8", "replace").split() if first.startswith(b"#!") else []
    return words[0] if words and "python" in Path(words[0]).name else None


def _from_setup_lines(lines: tuple[str, ...]) -> dict[str, str]:
    """Environment after the lines were carried out by a login shell."""
    script = "\n".join((*lines, "env -0"))
    shell = shutil.which("bash") or "/bin/bash"
    done = subprocess.run([shell, "-lc", script], capture_output=True, check=True, timeout=60)
    pairs = (entry.split("=", 1) for entry in done.stdout.decode("utf-8", "replace").split("\0"))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _without_our_python(environment: Mapping[str, str]) -> dict[str, str]:
    """Drop PYTHON*, and the virtual environment from PATH: another Python must not find our packages."""
    own = environment.get("VIRTUAL_ENV")
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith("PYTHON") and name != "VIRTUAL_ENV"
    }
    if own:
        own_bin = str(Path(own) / "bin")
        kept["PATH"] = os.pathsep.join(p for p in kept.get("PATH", "").split(os.pathsep) if p != own_bin)
    return kept


def _filter_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """HDF5_PLUGIN_PATH of hdf5plugin when nobody set one and Debian's filter is not there."""
    if "HDF5_PLUGIN_PATH" in environment or any(path.exists() for path in DEBIAN_FILTERS):
        return {}
    spec = importlib.util.find_spec("hdf5plugin")
    if spec is None or not spec.submodule_search_locations:
        return {}
    return {"HDF5_PLUGIN_PATH": str(Path(spec.submodule_search_locations[0]) / "plugins")}

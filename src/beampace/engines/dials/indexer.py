"""Test shots to a lattice with DIALS, in a process that stays warm between questions."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from beampace.core.cell import UnitCell
from beampace.core.errors import failure
from beampace.core.geometry import Detector, Mat3, Vec3, scaled
from beampace.core.indexing import FoundLattice, LatticeSetting, Opinion, Shots
from beampace.core.taxonomy import Failure
from beampace.engines.dials.diagnosis import last_words
from beampace.engines.dials.expt import single_axis
from beampace.engines.dials.installation import HOW_TO_GET, DialsInstallation
from beampace.engines.dials.session import Refused, Session, begin, wait_for
from beampace.engines.dials.steps import plain

ARGUMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "one-dimensional transforms": ("indexing.method=fft1d",),
        "three-dimensional transform": ("indexing.method=fft3d",),
    }
)
"""Method -> arguments of dials.index. The first takes 1 to 2 s, the second 5 s."""


@dataclass(slots=True)
class DialsIndexer:
    """DIALS's indexer on spots of ours.

    Attributes:
        installation: where DIALS is.
    """

    installation: DialsInstallation = field(default_factory=DialsInstallation)
    _session: Session | None = None
    _home: tempfile.TemporaryDirectory[str] | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        """Independent ways, the quickest first."""
        return tuple(ARGUMENTS)

    def prepare(self) -> None:
        """Start the process, so that DIALS is imported while frames come; what fails is said by `index`."""
        with suppress(Refused, OSError):
            self._session = self._session or self._begun()

    def warm_up(self, check: Callable[[], None]) -> str:
        """Have DIALS imported; returns its version.

        Raises:
            InfrastructureError: `engine_missing`: there is no DIALS, or none that can be asked this way.
        """
        try:
            if self._session is None or self._session.process.poll() is not None:
                self._session = self._begun()
            return wait_for(self._session, check).version
        except Refused as refused:
            self._session = None
            detail = f"Test shots cannot be indexed: {refused}."
            raise failure(Failure.ENGINE_MISSING, detail, HOW_TO_GET) from refused

    def close(self) -> None:
        """End the process."""
        if self._session is not None:
            self._session.close()
            self._session = None
        if self._home is not None:
            self._home.cleanup()
            self._home = None

    def index(self, shots: Shots, method: str, check: Callable[[], None]) -> Opinion:
        """One opinion; see `core.ports.Indexer`."""
        self.warm_up(check)
        if self._session is None or self._home is None:
            raise ValueError("there is no session")
        directory = Path(self._home.name)
        question, answer = directory / "question.json", directory / "answer.json"
        answer.unlink(missing_ok=True)
        question.write_text(json.dumps(question_of(shots, method)))
        order = {"index": str(question), "answer": str(answer), "directory": str(directory)}
        outcome = self._session.run(order, directory / "out.txt", check)
        if outcome.returncode != 0 or not answer.exists():
            raise failure(Failure.ENGINE_FAILED, f"dials.index: {last_words(outcome.text)}")
        return opinion_of(method, json.loads(answer.read_text()))

    def _begun(self) -> Session:
        try:
            environment = self.installation.environment()
        except (OSError, subprocess.SubprocessError) as error:
            raise Refused(f"the set-up lines of DIALS fail: {error}") from error
        absent = self.installation.absent(environment)
        if absent:
            raise Refused(f"{', '.join(absent)} not on PATH")
        self._home = self._home or tempfile.TemporaryDirectory(prefix="beampace-index-")
        return begin(self.installation, environment, Path(self._home.name))


def question_of(shots: Shots, method: str) -> dict[str, Any]:
    """The question as `inside.lattices` reads it."""
    return {
        "arguments": [*ARGUMENTS[method], f"indexing.max_cell={shots.max_cell:.0f}", *_known(shots)],
        "beam": {
            "wavelength": shots.beam.wavelength,
            "direction": list(scaled(shots.beam.direction, -1.0)),
            "divergence": 0.0,
            "sigma_divergence": 0.0,
            "polarization_normal": [0.0, 1.0, 0.0],
            "polarization_fraction": 0.999,
        },
        "detector": {"panels": [_panel(shots.detector)], "hierarchy": _laboratory()},
        "goniometer": single_axis(shots.goniometer),
        "images": [asdict(shot) for shot in shots.shots],
    }


def opinion_of(method: str, answer: Mapping[str, Any]) -> Opinion:
    """The answer of `inside.lattices` as a record."""
    if "failed" in answer:
        return Opinion(method, None, str(answer["failed"]))
    lattice = FoundLattice(
        a_matrix=_matrix(answer["a_matrix"]),
        unit_cell=UnitCell(*answer["unit_cell"]),
        spots=tuple(answer["spots"]),
        indexed=tuple(answer["indexed"]),
        rmsd_px=answer["rmsd_px"],
        settings=tuple(_setting(one) for one in answer["settings"]),
    )
    return Opinion(method, lattice)


def _setting(answer: Mapping[str, Any]) -> LatticeSetting:
    return LatticeSetting(
        bravais=answer["bravais"],
        space_group=answer["space_group"],
        order=answer["order"],
        unit_cell=UnitCell(*answer["unit_cell"]),
        a_matrix=_matrix(answer["a_matrix"]),
        missed_deg=answer["missed_deg"],
    )


def _matrix(values: Sequence[float]) -> Mat3:
    a, b, c, d, e, f, g, h, i = (float(value) for value in values)
    return ((a, b, c), (d, e, f), (g, h, i))


def _known(shots: Shots) -> tuple[str, ...]:
    if shots.space_group is None or shots.unit_cell is None:
        return ()
    cell = ",".join(f"{value:g}" for value in shots.unit_cell.parameters)
    return (
        f"indexing.known_symmetry.space_group={plain(shots.space_group)}",
        f"indexing.known_symmetry.unit_cell={cell}",
    )


def _panel(detector: Detector) -> dict[str, Any]:
    return {
        **_frame("detector", detector.fast, detector.slow, detector.origin),
        "type": "SENSOR_PAD",
        "image_size": list(detector.image_size),
        "pixel_size": list(detector.pixel_size),
        "trusted_range": [-1.0, float(detector.saturation or 2**31)],
        "thickness": 0.0,
        "material": "",
        "px_mm_strategy": {"type": "SimplePxMmStrategy"},
    }


def _laboratory() -> dict[str, Any]:
    """The root to which the panel is relative: the laboratory itself."""
    laboratory = _frame("root", (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 0.0))
    return {**laboratory, "type": "", "children": [{"panel": 0}]}


def _frame(name: str, fast: Vec3, slow: Vec3, origin: Vec3) -> dict[str, Any]:
    return {
        "name": name,
        "fast_axis": list(fast),
        "slow_axis": list(slow),
        "origin": list(origin),
        "image_size": [0, 0],
        "pixel_size": [0.0, 0.0],
        "trusted_range": [0.0, 0.0],
        "thickness": 0.0,
        "material": "",
        "mu": 0.0,
        "identifier": "",
        "mask": [],
        "gain": 1.0,
        "pedestal": 0.0,
        "raw_image_offset": [0, 0],
        "px_mm_strategy": {"type": "SimplePxMmStrategy"},
    }

"""Synthetic observations, datasets and engine records for the tests of results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePath

import gemmi
import numpy as np
import pytest

from beampace.core.cell import UnitCell
from beampace.core.dataset import Dataset, DatasetKind
from beampace.core.engine import Crystal, EngineRecord, FrameSeries
from beampace.core.frames import FrameFailure, FrameLedger, FrameState
from beampace.core.geometry import Beam, Detector, Goniometer
from beampace.core.scan import Scan
from beampace.core.taxonomy import Failure
from beampace.results.unmerged import Observations

CELLS = {
    "P 43 21 2": (78.5, 78.5, 37.5, 90, 90, 90),
    "P 21 21 21": (40, 50, 60, 90, 90, 90),
    "C 1 2 1": (60, 40, 50, 90, 105, 90),
    "P 32 2 1": (50, 50, 90, 90, 90, 120),
    "R 3:H": (60, 60, 80, 90, 90, 120),
    "I 2 3": (70, 70, 70, 90, 90, 90),
    "P 1": (30, 40, 50, 80, 95, 100),
}


def synthesise(name: str, d_min: float = 3.0, multiplicity: float = 4, seed: int = 1) -> Observations:
    """Wilson intensities of acentric crystals with anomalous differences, observed with known errors."""
    rng = np.random.default_rng(seed)
    group, cell = gemmi.SpaceGroup(name), gemmi.UnitCell(*CELLS[name])
    unique = gemmi.make_miller_array(cell, group, d_min)
    parts = np.array([np.array(op.rot) // gemmi.Op.DEN for op in group.operations().sym_ops])
    true = rng.exponential(100 * np.exp(-10 * cell.calculate_1_d2_array(unique)))
    difference = rng.normal(0, 0.05, len(unique)) * true
    difference[group.operations().centric_flag_array(unique)] = 0
    which = np.repeat(np.arange(len(unique)), rng.poisson(multiplicity, len(unique)))
    sign = rng.choice([-1, 1], len(which))
    operation = parts[rng.integers(0, len(parts), len(which))]
    hkl = np.einsum("ni,nij->nj", unique[which], operation) * sign[:, None]
    scale = rng.uniform(0.5, 1.5, len(which))
    sigma = np.sqrt(1 + (0.05 * true[which]) ** 2) * rng.uniform(0.7, 1.4, len(which))
    intensity = true[which] + sign * difference[which] + rng.normal(0, 1, len(which)) * sigma
    frame = rng.integers(1, 101, len(which))
    return Observations(cell, group, hkl.astype(np.int32), intensity, sigma, frame, scale)


def write_unmerged(path: Path, observed: Observations) -> Path:
    """An unmerged MTZ as DIALS exports it (indices in the asymmetric unit, M/ISYM, one batch per frame)."""
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = observed.group
    mtz.set_cell_for_all(observed.cell)
    dataset = mtz.add_dataset("synthetic")
    dataset.wavelength = 1.0
    for label, kind in (
        ("M/ISYM", "Y"), ("BATCH", "B"), ("I", "J"), ("SIGI", "Q"), ("SCALEUSED", "R"),
    ):  # fmt: skip
        mtz.add_column(label, kind, dataset_id=dataset.id)
    for number in range(int(observed.frame.min()), int(observed.frame.max()) + 1):
        batch = gemmi.Mtz.Batch()
        batch.number, batch.dataset_id, batch.cell = number, dataset.id, observed.cell
        mtz.batches.append(batch)
    mtz.switch_to_original_hkl()
    columns = (np.zeros(len(observed)), observed.frame, observed.intensity, observed.sigma, observed.scale)
    mtz.set_data(np.column_stack([observed.hkl, *columns]).astype(np.float32))
    mtz.switch_to_asu_hkl()
    mtz.sort(5)
    mtz.write_to_file(str(path))
    return path


@pytest.fixture
def synthetic() -> Callable[..., Observations]:
    return synthesise


@pytest.fixture
def write_mtz() -> Callable[[Path, Observations], Path]:
    return write_unmerged


@pytest.fixture
def dataset() -> Dataset:
    detector = Detector(
        "E-32-0100", "Dectris EIGER2 X 16M", (4148, 4362), (0.075, 0.075), (-155.0, 163.0, -200.0),
        (1.0, 0.0, 0.0), (0.0, -1.0, 0.0), 0.45, "Si", 60000, 32,
    )  # fmt: skip
    return Dataset(
        id="E-32-0100/77",
        name="lyso<b>&co_001",
        master=PurePath("/gpfs/current/raw/lyso/lyso<b>&co_001_master.h5"),
        kind=DatasetKind.ROTATION,
        kind_reason="one even sweep",
        detector=detector,
        beam=Beam(1.0332),
        goniometer=Goniometer(),
        scan=Scan.even(0.0, 0.5, 100, 0.01, 0.01),
        n_announced=100,
        collected=datetime(2026, 11, 20, 1, 2, 3, tzinfo=UTC),
        remarks=("The energy in the header is 5500 eV, the wavelength was taken instead.",),
    )


@pytest.fixture
def ledger() -> FrameLedger:
    reason = FrameFailure(Failure.FILE_TRUNCATED, "x_data_000002.h5 ends within frame <41>")
    readable = FrameLedger.announced(100).mark(range(1, 99), FrameState.READABLE)
    return readable.fail({41: reason, 42: reason, 43: reason, 50: reason})


@pytest.fixture
def record(tmp_path: Path) -> EngineRecord:
    """An engine's answer for a tetragonal crystal; unmerged.mtz is really there."""
    engine = tmp_path / "engine"
    engine.mkdir()
    unmerged = write_unmerged(engine / "scaled_unmerged.mtz", synthesise("P 43 21 2"))
    crystal = Crystal(
        space_group="P 43 21 2",
        candidates=("P 43 21 2", "P 41 21 2"),
        laue_group="4/mmm",
        laue_confidence=0.98,
        unit_cell=UnitCell(*CELLS["P 43 21 2"]),
        mosaicity=0.08,
        indexed_fraction=0.97,
    )
    return EngineRecord(
        engine="dials",
        versions={"dials": "3.12.1"},
        crystal=crystal,
        unmerged=unmerged,
        merged=engine / "absent.mtz",
        d_min=3.0,
        d_min_reason="CC1/2 falls to 0.3 there.",
        n_spots=1000,
        n_indexed=970,
        rmsd=(0.31, 0.28, 0.2),
        series=FrameSeries(tuple(range(1, 101)), {"spots": tuple(300 - n for n in range(100))}),
        timing={"find_spots": 12.3},
        parameters={"index": ("indexing.method=fft1d",)},
    )


@pytest.fixture
def weak_record(record: EngineRecord) -> EngineRecord:
    """A record whose lattice explains little."""
    return replace(record, crystal=replace(record.crystal, indexed_fraction=0.3, laue_confidence=0.6))

"""Pages with frames behind them: a simulated scan in `raw`, with a result that kept its experiment list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from beampace.core.work import WorkName
from beampace.simulate.bench import build_bench
from beampace.simulate.simulation import Simulation
from beampace.web.frames.messages import FrameQuestion
from tests.support.catalogue import ALPHA, BEAMTIME, BETA, LYSO, Catalogued, merged
from tests.support.look_data import write_scan
from tests.support.pages import Site, served


@dataclass
class FrameSite:
    """A site with one scan.

    Attributes:
        site: the pages.
        dataset: the scan, of group alpha; other: a dataset of group beta.
        result: its result.
        master: its master file.
        simulation: what it holds.
    """

    site: Site
    made: Catalogued
    dataset: int
    other: int
    result: int
    master: Path
    simulation: Simulation

    def question(self, ask: str, frame: int = 1, **options: Any) -> FrameQuestion:
        """A question about it."""
        raw = self.made.root / "raw"
        return FrameQuestion(ask=ask, master=self.master, raw=raw, frame=frame, **options)

    def address(self, rest: str = "", frame: int = 1) -> str:
        """Of a frame's JSON."""
        return f"/api/datasets/{self.dataset}/frames/{frame}{rest}"


@contextmanager
def frame_site(directory: Path, **changes: Any) -> Iterator[FrameSite]:
    """Serve it."""
    with served(directory, **changes) as site:
        root = site.root
        master, simulation = write_scan(root / "raw" / "alpha" / "lyso_1")
        site.ledger.open_beamtime(BEAMTIME, str(root))
        made = Catalogued(site.ledger, root, {}, {})
        n = simulation.scenario.n_images
        dataset = made.see("lyso_1", ALPHA, n, path=str(master))
        other = made.see("thau_1", BETA, n)
        result = merged(made, "lyso_1", "dials", LYSO, 2.0).model_copy(
            update={"files": {"scaled.expt": "dials_1/scaled.expt"}}
        )
        row = made.finish("lyso_1", WorkName.PROCESS, "dials", result)
        kept = Path(row.result.directory) / "dials_1"
        kept.mkdir()
        (kept / "scaled.expt").write_text(json.dumps(experiments(simulation)))
        yield FrameSite(site, made, dataset, other, row.id, master, simulation)


def experiments(simulation: Simulation, varying: bool = False) -> dict[str, Any]:
    """The truth of a simulated scan as a DIALS experiment list."""
    dataset = simulation.true_dataset
    detector, beam, scan = dataset.detector, dataset.beam, dataset.scan
    matrix = build_bench(simulation.truth).a_matrices[0]
    crystal: dict[str, Any] = {
        f"real_space_{axis}": row.tolist() for axis, row in zip("abc", np.linalg.inv(matrix), strict=True)
    }
    crystal["space_group_hall_symbol"] = " P 1"
    if varying:
        crystal["A_at_scan_points"] = [matrix.ravel().tolist()] * (scan.n_frames + 1)
    panel = {
        "origin": detector.origin,
        "fast_axis": detector.fast,
        "slow_axis": detector.slow,
        "pixel_size": detector.pixel_size,
        "image_size": detector.image_size,
    }
    flat = [1.0, 0, 0, 0, 1, 0, 0, 0, 1]
    return {
        "crystal": [crystal],
        "beam": [{"wavelength": beam.wavelength, "direction": [-x for x in beam.direction]}],
        "detector": [{"panels": [panel]}],
        "goniometer": [
            {"rotation_axis": dataset.goniometer.axis, "fixed_rotation": flat, "setting_rotation": flat}
        ],
        "scan": [{"image_range": [1, scan.n_frames], "oscillation": [scan.starts[0], scan.width]}],
        "profile": [{"sigma_m": simulation.scenario.mosaicity}],
    }

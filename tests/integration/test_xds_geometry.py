"""XDS.INP against DIALS's own conversion of the same file."""

import json
import math
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from beampace.core.engine import Request
from beampace.core.geometry import dot
from beampace.eiger import examine, open_container, write_companion
from beampace.engines.dials import DialsInstallation
from beampace.engines.dials.installation import interpreter
from beampace.engines.xds.frame import xds_frame
from beampace.engines.xds.inp import Run, input_text
from beampace.engines.xds.situation import situation_of
from beampace.simulate.files import write_dataset
from beampace.simulate.scenario import HeaderErrors, Scenario
from beampace.simulate.simulation import simulate_scan
from tests.support.eiger_data import REAL, REAL_MASTERS

pytestmark = [
    pytest.mark.dials,
    pytest.mark.skipif(shutil.which("dials.import") is None, reason="DIALS is not installed"),
]

ASK = """
import json, sys
from dxtbx.model.experiment_list import ExperimentListFactory
from dxtbx.serialize.xds import to_xds
names = ("detector_size", "pixel_size", "detector_origin", "detector_distance", "wavelength", "beam_vector",
         "rotation_axis", "starting_frame", "starting_angle", "oscillation_range")
for path in sys.argv[1:]:
    made = to_xds(ExperimentListFactory.from_filenames([path]).imagesets()[0])
    print(json.dumps({name: getattr(made, name) for name in names}))
"""

SCENARIOS = {
    "plain": Scenario(n_frames=4, crystal=None),
    "tenths": Scenario(n_frames=12, width=0.1, start=123.4, distance=187.65, crystal=None),
    "backwards": Scenario(n_frames=4, width=-0.25, start=90.0, crystal=None),
    "off centre": Scenario(n_frames=4, beam_centre=(431.27, 611.83), wavelength=0.97625, crystal=None),
    "flipped": Scenario(n_frames=4, header=HeaderErrors(axis_flipped=True), crystal=None),
    "4M": Scenario(n_frames=2, detector="EIGER2 X 4M", crystal=None),
    "16M": Scenario(n_frames=2, detector="EIGER2 X 16M", width=0.2, crystal=None),
}


def companion_of(master: Path, directory: Path):
    """(container, companion master) of all frames."""
    directory.mkdir()
    container = open_container(master)
    ledger = examine(container).ledger(settled=True)
    return container, write_companion(container, ledger, directory).path


def asked_of_dials(companions: list[Path]) -> list[dict]:
    """What dxtbx makes of each file; DIALS is imported once for all."""
    installation = DialsInstallation()
    environment = installation.environment()
    python = interpreter(Path(installation.find("dials.import", environment)))
    command = [python, "-c", ASK, *map(str, companions)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def keywords(text: str) -> dict[str, list[float]]:
    """Keyword to numbers, of lines with one."""
    pairs = (line.split("=", 1) for line in text.splitlines())
    return {key: [float(word) for word in value.split()] for key, value in pairs if _numeric(value)}


def _numeric(value: str) -> bool:
    try:
        return bool([float(word) for word in value.split()])
    except ValueError:
        return False


def ours_of(container, companion: Path) -> dict[str, list[float]]:
    """The numbers of our XDS.INP for the first run of adjoining frames."""
    dataset, directory = container.dataset.forwards, companion.parent
    images = (1, dataset.scan.sweeps()[0][1])
    request = Request(dataset, companion, directory, images, 2)
    return keywords(input_text(situation_of(request, companion, directory, None), Run(("IDXREF",), images)))


def compare(ours: dict[str, list[float]], theirs: dict) -> None:
    assert [ours["NX"][0], ours["NY"][0]] == theirs["detector_size"]
    assert [ours["QX"][0], ours["QY"][0]] == pytest.approx(theirs["pixel_size"], abs=1e-9)
    assert [ours["ORGX"][0], ours["ORGY"][0]] == pytest.approx(theirs["detector_origin"], abs=0.05)
    assert ours["DETECTOR_DISTANCE"][0] == pytest.approx(theirs["detector_distance"], rel=1e-7)
    assert ours["X-RAY_WAVELENGTH"][0] == pytest.approx(theirs["wavelength"], rel=1e-7)
    assert ours["INCIDENT_BEAM_DIRECTION"] == pytest.approx(theirs["beam_vector"], abs=1e-6)
    assert ours["ROTATION_AXIS"] == pytest.approx(theirs["rotation_axis"], abs=1e-6)
    assert ours["OSCILLATION_RANGE"][0] == pytest.approx(theirs["oscillation_range"], abs=1e-6)
    begin = theirs["starting_angle"] + (1 - theirs["starting_frame"]) * theirs["oscillation_range"]
    assert math.remainder(ours["STARTING_ANGLE"][0] - begin, 360.0) == pytest.approx(0.0, abs=1e-4)
    assert ours["STARTING_FRAME"][0] == 1


def check_all(masters: dict[str, Path], directory: Path) -> None:
    made = [companion_of(master, directory / name.replace(" ", "_")) for name, master in masters.items()]
    theirs = asked_of_dials([companion for _, companion in made])
    assert len(theirs) == len(made)
    for (container, companion), told in zip(made, theirs, strict=True):
        compare(ours_of(container, companion), told)


def test_simulated(tmp_path):
    masters = {}
    for name, scenario in SCENARIOS.items():
        made = simulate_scan(replace(scenario, name="sim"))
        raw = tmp_path / "raw" / name.replace(" ", "_")
        masters[name] = write_dataset(made.dataset, made.mask, made.frames, raw)
    check_all(masters, tmp_path)


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real data at {REAL}")
def test_real(tmp_path):
    names = ("l-cysteine_rotational_001", "l-cysteine_rotational_002")
    check_all({name: REAL / REAL_MASTERS[name] for name in names}, tmp_path)


def test_the_frame_of_xds_keeps_angles():
    """A rotation of the laboratory: the angle between axis and beam is the same, and so is the distance."""
    dataset = simulate_scan(SCENARIOS["off centre"]).dataset
    frame = xds_frame(dataset)
    before = dot(dataset.goniometer.lab_axis, dataset.beam.direction)
    assert dot(frame.axis, frame.beam) == pytest.approx(before, abs=1e-12)
    assert abs(frame.distance) == pytest.approx(dataset.detector.distance)

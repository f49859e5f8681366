"""XDS.INP: its numbers, gaps, links and what each run adds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.analysis.sensor import attenuation
from beampace.core.cell import UnitCell
from beampace.core.geometry import KEV_ANGSTROM
from beampace.core.scan import Scan
from beampace.engines.xds.frame import foot_of_normal, rows_and_columns, xds_frame
from beampace.engines.xds.gaps import gap_rectangles
from beampace.engines.xds.inp import Run, Situation, input_text
from beampace.engines.xds.links import link_master, template
from beampace.engines.xds.numbers import number
from tests.support.eiger_data import small_dataset


def situation(**changes) -> Situation:
    return Situation(small_dataset(40, **changes), "../img_??????.h5", None, ())


def keywords(text: str) -> dict[str, str]:
    return dict(line.split("= ", 1) for line in text.splitlines())


@given(st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_no_digit_of_a_number_is_lost(value):
    text = number(value)
    assert float(text) == value
    assert "e" not in text.lower()


def test_numbers_of_a_header_are_written_as_short_as_they_are():
    assert [number(v) for v in (0.1, 150.0, -0.0, 0.125, 1e-4)] == ["0.1", "150.0", "0.0", "0.125", "0.0001"]
    with pytest.raises(ValueError, match="finite"):
        number(float("nan"))


def test_gaps_of_the_16m_are_those_of_its_modules():
    """4 x 8 modules of 1028 x 512 pixels, gaps of 12 and 38: xds.md 1.1; bounds are exclusive, from 1."""
    mask = np.zeros((4362, 4148), np.uint32)
    for column in range(1, 4):
        mask[:, 1028 * column + 12 * (column - 1) : 1040 * column] = 1
    for row in range(1, 8):
        mask[512 * row + 38 * (row - 1) : 550 * row] = 1
    mask[100, 100] = 2  # a dead pixel is no gap
    found = gap_rectangles(mask)
    assert found[:3] == ((1028, 1041, 0, 4363), (2068, 2081, 0, 4363), (3108, 3121, 0, 4363))
    assert found[3] == (0, 4149, 512, 551)
    assert found[-1] == (0, 4149, 3812, 3851)
    assert len(found) == 10


def test_a_detector_without_gaps_has_none():
    assert gap_rectangles(np.full((5, 7), 8, np.uint32)) == ()


def test_frame_of_a_detector_that_faces_the_source():
    dataset = small_dataset(40, width=0.1, start=12.5)
    frame = xds_frame(dataset)
    assert frame.origin == pytest.approx((42.0, 50.75))
    assert (frame.distance, frame.axis, frame.beam) == (150.0, (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    assert (frame.start, frame.start_frame, frame.width) == (12.5, 1, 0.1)
    assert foot_of_normal(dataset.detector) == frame.origin
    assert rows_and_columns(dataset.detector)[2] == dataset.detector.normal


def test_a_backward_spindle_turns_forwards_about_the_opposite_axis():
    dataset = small_dataset(40, width=-0.1, start=90.0)
    with pytest.raises(ValueError, match="positive steps"):
        xds_frame(dataset)
    frame = xds_frame(dataset.forwards)
    assert (frame.start, frame.width, frame.axis) == (-90.0, 0.1, (-1.0, 0.0, 0.0))
    for n in (0, 17):
        before = dataset.goniometer.turn(dataset.scan.starts[n])
        after = dataset.forwards.goniometer.turn(dataset.forwards.scan.starts[n])
        assert np.allclose(before, after)


def test_every_run_on_adjoining_frames_has_one_zero_of_the_spindle():
    text = input_text(situation(start=30.0), Run(("INTEGRATE",), (21, 40)))
    found = keywords(text)
    assert (found["DATA_RANGE"], found["STARTING_FRAME"], found["STARTING_ANGLE"]) == ("21 40", "1", "30.0")


def test_a_second_sweep_has_its_own_zero():
    starts = (*Scan.even(0, 0.1, 20, 1, 1).starts, *Scan.even(90, 0.1, 20, 1, 1).starts)
    text = input_text(situation(width=0.1, starts=starts), Run(("INTEGRATE",), (25, 40)))
    assert (keywords(text)["STARTING_FRAME"], keywords(text)["STARTING_ANGLE"]) == ("21", "90.0")


def test_background_is_five_degrees_or_what_there_is():
    wide, narrow = Run(("INIT",), (1, 40)), Run(("INIT",), (11, 40))
    assert keywords(input_text(situation(width=0.25), wide))["BACKGROUND_RANGE"] == "1 20"
    assert keywords(input_text(situation(width=0.1), narrow))["BACKGROUND_RANGE"] == "11 40"


def test_the_axis_is_not_refined_from_a_small_wedge():
    small = keywords(input_text(situation(width=0.1), Run(("IDXREF",), (1, 40))))
    large = keywords(input_text(situation(width=0.5), Run(("IDXREF",), (1, 40))))
    assert small["REFINE(IDXREF)"] == "CELL BEAM ORIENTATION"
    assert large["REFINE(IDXREF)"] == "CELL BEAM ORIENTATION AXIS"


def test_more_keywords_take_the_place_of_the_usual_ones():
    run = Run(("IDXREF",), (1, 40)).with_more({"SEPMIN": "7.0", "INDEX_ORIGIN": "0 0 1"})
    text = input_text(situation(), run)
    assert text.count("SEPMIN=") == 1
    assert keywords(text)["SEPMIN"] == "7.0"
    assert keywords(text)["INDEX_ORIGIN"] == "0 0 1"


def test_group_and_limit_of_a_run():
    run = Run(("CORRECT",), (1, 40), group=96, cell=UnitCell(78.5, 78.5, 37.5, 90, 90, 90), d_min=1.85)
    found = keywords(input_text(situation(), run))
    assert found["SPACE_GROUP_NUMBER"] == "96"
    assert found["UNIT_CELL_CONSTANTS"] == "78.5 78.5 37.5 90.0 90.0 90.0"
    assert found["INCLUDE_RESOLUTION_RANGE"] == "50.0 1.85"


def test_a_line_is_never_longer_than_xds_reads():
    long = Situation(small_dataset(40), "../" + 80 * "x" + "_??????.h5", None, ())
    with pytest.raises(ValueError, match="80 characters"):
        input_text(long, Run(("INIT",), (1, 40)))


def test_masters_of_any_name_get_a_short_one_beside_them(tmp_path):
    companion = tmp_path / ("a very long name " * 5 + "_master.h5")
    companion.write_text("")
    link = link_master(companion)
    assert link.resolve() == companion.resolve()
    assert link_master(companion) == link
    assert template(link, tmp_path / "xds_1") == "../img_??????.h5"
    assert template(link, tmp_path / "xds_1" / "wedge_2") == "../../img_??????.h5"


def test_another_file_of_that_name_is_left_alone(tmp_path):
    (tmp_path / "img_master.h5").write_text("mine")
    with pytest.raises(FileExistsError):
        link_master(tmp_path / "x_master.h5")
    assert (tmp_path / "img_master.h5").read_text() == "mine"


@pytest.mark.parametrize(
    ("material", "kev", "per_mm"),
    # NIST X-ray mass attenuation coefficients (total), times the density
    [("Si", 15.0, 10.34 * 0.2329), ("Si", 10.0, 33.89 * 0.2329), ("CdTe", 20.0, 21.44 * 0.585)],
)
def test_absorption_of_sensors(material, kev, per_mm):
    assert attenuation(material, KEV_ANGSTROM / kev) == pytest.approx(per_mm, rel=0.1)


def test_the_make_of_the_detector():
    dataset = small_dataset(40)
    assert keywords(input_text(situation(), Run(("INIT",), (1, 40))))["DETECTOR"] == "EIGER"
    pilatus = replace(dataset, detector=replace(dataset.detector, pixel_size=(0.172, 0.172)))
    text = input_text(replace(situation(), dataset=pilatus), Run(("INIT",), (1, 40)))
    assert keywords(text)["DETECTOR"] == "PILATUS"


def test_other_sensors_are_told_under_the_name_of_silicon():
    dataset = small_dataset(40)
    assert "SILICON=" not in input_text(situation(), Run(("INIT",), (1, 40)))
    telluride = replace(dataset, detector=replace(dataset.detector, sensor_material="CdTe"))
    assert "SILICON=" in input_text(
        Situation(telluride, "../img_??????.h5", None, ()), Run(("INIT",), (1, 40))
    )
    assert attenuation("unobtainium", 1.0) is None

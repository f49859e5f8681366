"""What `beampace simulate` is asked for: the possible passes, the impossible is refused by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from beampace.cli.scenarios import scenario_of
from beampace.cli.words import Wanted
from beampace.core.dataset import DatasetKind
from beampace.core.errors import InputError
from beampace.core.taxonomy import Failure
from beampace.simulate.options import FileLayout

USUAL = Wanted(
    directory=Path("out"),
    name="simulated",
    kind=DatasetKind.ROTATION,
    detector="1M",
    space_group="P43212",
    unit_cell="78.5,78.5,37.5,90,90,90",
    frames=360,
    start=0.0,
    width=0.5,
    grid="12x8",
    distance=100.0,
    wavelength=1.0332,
    background=0.3,
    photons=400.0,
    mosaicity=0.12,
    b_factor=20.0,
    trouble=(),
    layout=FileLayout.LEGACY,
    images_per_file=100,
    rate=0.0,
    fault=(),
    seed=1,
    cores=1,
)
NAN, INF = float("nan"), float("inf")


def refused(**changes):
    with pytest.raises(InputError) as caught:
        scenario_of(replace(USUAL, **changes))
    assert caught.value.code is Failure.BAD_REQUEST
    return caught.value.detail


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"name": "50% PEG x=1 räum"},
        {"width": -0.1},
        {"width": 0.0},
        {"seed": 0},
        {"background": 0.0},
        {"detector": "16M", "unit_cell": "150,150,150,90,90,90", "space_group": "P213"},
        {"unit_cell": "9,9,9,90,90,90", "space_group": "P1"},
    ],
)
def test_what_can_be_simulated_passes(changes):
    scenario = scenario_of(replace(USUAL, **changes))
    assert all(getattr(scenario, key) == value for key, value in changes.items() if key in ("name", "width"))


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/x", ".x", "-x", "a\0b", "a\nb", " x", "x" * 101]
)
def test_a_name_is_one_plain_component_of_a_path(name):
    assert "--name" in refused(name=name)


@pytest.mark.parametrize("option", ["wavelength", "distance", "photons", "mosaicity"])
@pytest.mark.parametrize("value", [NAN, INF, -INF, 0.0, -1.0, 1e300])
def test_lengths_photons_and_mosaicity_are_finite_and_positive(option, value):
    assert f"--{option} takes" in refused(**{option: value})


@pytest.mark.parametrize("option", ["width", "start", "background", "b_factor", "rate"])
@pytest.mark.parametrize("value", [NAN, INF, 1e300])
def test_other_numbers_are_finite_and_not_absurd(option, value):
    assert f"--{option.replace('_', '-')} takes" in refused(**{option: value})


@pytest.mark.parametrize("changes", [{"seed": -1}, {"seed": 2**64}, {"frames": 0}, {"frames": 10**7}])
def test_counts_are_in_range(changes):
    assert f"--{next(iter(changes))} takes" in refused(**changes)


@pytest.mark.parametrize("cell", ["4000,4000,4000,90,90,90", "1.1,1.1,1.1,90,90,90", "nan,1,1,90,90,90"])
def test_a_cell_the_detector_cannot_see_or_memory_cannot_hold(cell):
    assert "--unit-cell" in refused(unit_cell=cell, space_group="P1")


@pytest.mark.parametrize(
    "grid", ["0x3", "x", "3", "-1x2", "1001x1000", "9999999999x1", "9" * 5000 + "x1", "²x2"]
)
def test_a_grid_is_bounded(grid):
    assert "--grid" in refused(grid=grid)


def test_a_grid_of_the_largest_size_passes():
    scenario = scenario_of(replace(USUAL, kind=DatasetKind.GRID, grid="1000x1000"))
    assert scenario.n_images == 1_000_000

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.core.geometry import norm, rotation, unit
from beampace.eiger.chain import MAX_LINKS, Step, compose, read_step, walk
from beampace.eiger.nxmx import axis_and_angle, put, transformation

component = st.floats(-1, 1)
axes = st.tuples(component, component, component).filter(lambda v: norm(v) > 0.1).map(unit)


@pytest.fixture
def handle():
    with h5py.File("chain", "w", driver="core", backing_store=False) as made:
        yield made


def test_the_parent_is_multiplied_on_the_left():
    shift = Step("/t", False, (0.0, 0.0, 1.0), (100.0,), (0.0, 0.0, 0.0))
    arm = Step("/r", True, (-1.0, 0.0, 0.0), (90.0,), (0.0, 0.0, 0.0))
    turn, moved = compose((shift, arm))
    assert moved == pytest.approx((0.0, 100.0, 0.0), abs=1e-9)
    assert turn[1][2] == pytest.approx(1.0)


def test_a_rotation_turns_what_hangs_on_it_about_its_offset():
    arm = Step("/r", True, (0.0, 0.0, 1.0), (90.0,), (5.0, 0.0, 0.0))
    leaf = Step("/t", False, (1.0, 0.0, 0.0), (2.0,), (0.0, 0.0, 0.0))
    assert compose((leaf, arm))[1] == pytest.approx((5.0, 2.0, 0.0))


def test_units_offsets_and_relative_paths(handle):
    base = put(handle, "/a/base", 0.1, "m")
    transformation(base, "translation", (0.0, 0.0, 2.0), ".")
    leaf = put(handle, "/a/leaf", np.pi / 2, "rad")
    transformation(leaf, "rotation", (1.0, 0.0, 0.0), "base")
    steps = walk(handle, "leaf", "/a")
    assert [step.values[0] for step in steps] == pytest.approx([90.0, 100.0])
    assert steps[1].axis == (0.0, 0.0, 1.0)


def test_a_chain_that_loops_ends(handle):
    for name, parent in (("one", "/two"), ("two", "/one")):
        transformation(put(handle, name, 1.0, "mm"), "translation", (1.0, 0.0, 0.0), parent)
    with pytest.raises(ValueError, match="does not end"):
        walk(handle, "/one", "/")
    assert MAX_LINKS < 100


def test_a_missing_parent_is_named(handle):
    transformation(put(handle, "one", 1.0, "mm"), "translation", (1.0, 0.0, 0.0), "/nowhere")
    with pytest.raises(ValueError, match="/nowhere is missing"):
        walk(handle, "/one", "/")


def test_an_axis_without_attributes_is_no_transformation(handle):
    with pytest.raises(ValueError, match="transformation_type"):
        read_step(put(handle, "omega", np.arange(3.0)))


def test_odd_units_are_refused(handle):
    made = put(handle, "one", 1.0, "furlong")
    transformation(made, "translation", (1.0, 0.0, 0.0), ".")
    with pytest.raises(ValueError, match="furlong"):
        read_step(made)


@given(axes, st.one_of(st.floats(0.01, 179.99), st.sampled_from([90.0, 120.0, 180.0])))
def test_axis_and_angle_give_the_matrix_back(axis, angle):
    turn = rotation(axis, angle)
    back = rotation(*axis_and_angle(turn))
    assert np.allclose(back, turn, atol=1e-10)

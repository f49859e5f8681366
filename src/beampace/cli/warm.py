"""Compile every kernel, so that no user waits for it."""

from __future__ import annotations

from dataclasses import replace

from beampace.core.taxonomy import Exit
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan


def warm_command() -> int:
    """Run every kernel once on each type of pixel; returns the exit code."""
    for bit_depth in (16, 32):
        scenario = replace(Scenario(), bit_depth=bit_depth, n_frames=1)
        simulate_scan(scenario).frame(1)
    return int(Exit.RESULT)

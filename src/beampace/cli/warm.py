"""Compile every kernel, so that no user waits for it."""

from __future__ import annotations

from dataclasses import replace

from beampace.analysis import Analyser, Setup, join_spots
from beampace.core.taxonomy import Exit
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan


def warm_command() -> int:
    """Run every kernel once on each type of pixel; returns the exit code."""
    for bit_depth in (16, 32):
        simulation = simulate_scan(replace(Scenario(), bit_depth=bit_depth, n_frames=2))
        setup = Setup.make(simulation.dataset.detector, simulation.dataset.beam, simulation.mask)
        analyser = Analyser(setup)
        join_spots([analyser.analyse(simulation.frame(number), number) for number in (1, 2)])
    return int(Exit.RESULT)

"""Time to make a frame (background, spots and noise; not compressed or written), one core, medians.

Run: `python benchmarks/simulate_frames.py [repeats]`.
"""

from __future__ import annotations

import statistics
import sys
import time

from beampace.simulate.background import Background
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import Simulation, simulate_scan

DETECTORS = {"EIGER2 X 4M": 150.0, "EIGER2 X 16M": 250.0}
LEVELS = (0.1, 0.5, 1.0, 10.0)


def prepared() -> dict[tuple[str, float], Simulation]:
    """Simulations of all cases, kernels compiled."""
    simulations = {}
    for detector, distance in DETECTORS.items():
        for level in LEVELS:
            scenario = Scenario(
                detector=detector, distance=distance, width=0.2, background=Background(level=level)
            )
            simulations[detector, level] = simulate_scan(scenario)
            simulations[detector, level].frame(1)
    return simulations


def main(repeats: int) -> None:
    """Interleave all cases, so that other load on the machine hits them alike."""
    simulations = prepared()
    taken: dict[tuple[str, float], list[float]] = {key: [] for key in simulations}
    for number in range(2, 2 + repeats):
        for key, simulation in simulations.items():
            begin = time.process_time()
            simulation.frame(number)
            taken[key].append((time.process_time() - begin) * 1000)
    print(f"{'detector':14} {'counts/pixel':>12} {'ms/frame':>9} {'worst':>7} {'spots':>6}")
    for (detector, level), times in taken.items():
        spots = len(simulations[detector, level].maker.spots(2))
        print(f"{detector:14} {level:12.1f} {statistics.median(times):9.1f} {max(times):7.1f} {spots:6d}")
    base = statistics.median(taken["EIGER2 X 4M", 0.5])
    print("ratio to 4M at 0.5:", {key: round(statistics.median(t) / base, 2) for key, t in taken.items()})


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)

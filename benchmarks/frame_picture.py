"""Pictures of frames: how long does a picture, a tile, the list of spots take, against decoding the frame?

A 16M frame is simulated and written once; each step is taken in this process, as the one that draws takes it.

Run: `python benchmarks/frame_picture.py [--repeat 5] [--detector "EIGER2 X 16M"]`.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from beampace.core.dataset import Hint
from beampace.simulate.files import write_dataset
from beampace.simulate.options import InfoFile, WriteOptions
from beampace.simulate.scenario import Scenario
from beampace.simulate.simulation import simulate_scan
from beampace.web.frames import drawing
from beampace.web.frames.answering import answer
from beampace.web.frames.messages import FrameQuestion
from beampace.web.frames.opened import Opened


def make(directory: Path, detector: str) -> Path:
    """A scan of two frames."""
    simulation = simulate_scan(Scenario(name="scan", detector=detector, n_frames=2, width=0.1), cores=2)
    options = WriteOptions(images_per_file=2, info=InfoFile.BEFORE, patch_delay=0.0)
    dataset = replace(simulation.dataset, hint=Hint())
    return write_dataset(dataset, simulation.mask, simulation.frames, directory / "raw", options)


def median(repeat: int, step: Callable[[], object]) -> float:
    """Median seconds of a step; once before, so that nothing is compiled within."""
    step()
    taken = []
    for _ in range(repeat):
        began = time.perf_counter()
        step()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def measure(master: Path, repeat: int) -> None:
    """Print each step and its ratio to decoding."""
    raw = master.parent
    opened = Opened()
    held = opened.master(master, raw)

    def decode() -> None:
        opened.frames.clear()
        opened.frame(held, 1)

    def said(ask: str, **options: object) -> Callable[[], object]:
        question = FrameQuestion.model_validate(
            {"ask": ask, "master": master, "raw": raw, "frame": 1, **options}
        )

        def step() -> object:
            head, content = answer(opened, question)
            if not head.ok:
                raise RuntimeError(head.detail)
            return content

        return step

    def spots() -> None:
        for frame in opened.frames.values():
            frame.found = None
        said("info")()

    base = median(repeat, decode)
    values = opened.frame(held, 1).level(0)
    last = drawing.levels((values.shape[0], values.shape[1])) - 1
    print(f"{math.prod(values.shape) / 1e6:.1f} M pixels; decode and code {1000 * base:.0f} ms = 1")
    steps = {
        "picture, 1024 wide": said("picture"),
        "picture, 160 wide": said("picture", width=160),
        "picture, 1024 wide, WebP": said("picture", kind="WEBP"),
        "tile at full resolution": said("tile", row=1, column=1),
        "tile of the last level": said("tile", level=last),
        "spots and all else": spots,
    }
    for name, step in steps.items():
        taken = median(repeat, step)
        print(f"{name:28s} {1000 * taken:7.1f} ms  {taken / base:6.2f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--detector", default="EIGER2 X 16M")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        measure(make(Path(directory), asked.detector), asked.repeat)


if __name__ == "__main__":
    main()

"""Values per frame from unmerged observations: strength, agreement, number."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from beampace.core.engine import FrameSeries
from beampace.results.merging import Counts, Merged, merge, summed
from beampace.results.unmerged import Observations, Values, read_unmerged

Column = tuple[float | None, ...]


def columns_of(unmerged: Path, series: FrameSeries) -> dict[str, Column]:
    """`columns` of the result: the engine's own values per frame, and ours from the unmerged file.

    Raises:
        InfrastructureError: the file cannot be read.
    """
    observed = read_unmerged(unmerged)
    return joined(frame_series(observed, merge(observed)), series)


def joined(ours: Mapping[str, Column], series: FrameSeries) -> dict[str, Column]:
    """Both sets of columns over the frames of either; None where one of them says nothing."""
    theirs = {"frame": tuple(series.frames), **series.columns}
    frames = sorted({int(frame) for frame in (*ours["frame"], *series.frames) if frame is not None})
    columns: dict[str, Column] = {"frame": tuple(frames)}
    for source in (ours, theirs):
        for name, values in source.items():
            by_frame = dict(zip(source["frame"], values, strict=True))
            columns.setdefault(name, tuple(by_frame.get(frame) for frame in frames))
    return columns


def frame_series(observed: Observations, merged: Merged) -> dict[str, Column]:
    """Columns over the frames from the first to the last that has an observation.

    Returns:
        `frame`; `observations`: number; `scale`: mean factor by which observations were divided
        (strength relative to the merged set), only when the file says; `r_merge`: sum |I - <I>| /
        sum I over reflections observed at least twice; `i_over_sigma`: mean of the unmerged
        observations. None where a frame has no observation to count.
    """
    if not len(observed):
        return {"frame": ()}
    first, last = int(observed.frame.min()), int(observed.frame.max())
    n, at = last - first + 1, observed.frame - first
    count = np.bincount(at, minlength=n)

    def mean(values: Values) -> Column:
        return ratio(summed(at, values, n), count.astype(np.float64))

    columns: dict[str, Column] = {
        "frame": tuple(range(first, last + 1)),
        "observations": tuple(int(value) for value in count),
        "r_merge": _r_merge(observed, merged, at, n),
        "i_over_sigma": mean(observed.intensity / observed.sigma),
    }
    if observed.scale is not None:
        columns["scale"] = mean(observed.scale)
    return columns


def ratio(above: Values, below: Values) -> Column:
    """Elementwise quotient; None where the divisor is not positive."""
    pairs = zip(above.tolist(), below.tolist(), strict=True)
    return tuple(a / b if b > 0 else None for a, b in pairs)


def _r_merge(observed: Observations, merged: Merged, at: Counts, n: int) -> Column:
    present = np.flatnonzero(merged.member >= 0)
    several = present[merged.count[merged.member[present]] > 1]
    intensity = observed.intensity[several]
    off = np.abs(intensity - merged.mean[merged.member[several]])
    return ratio(summed(at[several], off, n), summed(at[several], intensity, n))

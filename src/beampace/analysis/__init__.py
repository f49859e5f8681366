"""What can be said of frames, wherever they come from: the look, spots in 3-D, scan health, grid maps.

In order of use: `Setup.make` (once per dataset), `find_hot_pixels` on the frames of `hot_sample`, `Analyser`
(one per thread), `judge_dataset`; then `join_spots` and `useful_range` for a rotation, `make_map`,
`check_order`, `find_crystals` and `combine` for grids.
"""

from beampace.analysis.crystals import GridCrystal, Position, SharedAxis, combine, find_crystals
from beampace.analysis.frame import Analyser, FrameAnalysis
from beampace.analysis.grid import (
    Corner,
    GridMap,
    GridShape,
    OrderCheck,
    Score,
    check_order,
    make_map,
    score_of,
)
from beampace.analysis.health import Ending, UsefulRange, useful_range
from beampace.analysis.hot import find_hot_pixels, hot_sample
from beampace.analysis.judge import FrameVerdict, judge_dataset
from beampace.analysis.setup import Settings, Setup
from beampace.analysis.spot_files import strong_refl
from beampace.analysis.spots import Spots
from beampace.analysis.spots3d import JoinSettings, Reflections, join_spots

__all__ = [
    "Analyser",
    "Corner",
    "Ending",
    "FrameAnalysis",
    "FrameVerdict",
    "GridCrystal",
    "GridMap",
    "GridShape",
    "JoinSettings",
    "OrderCheck",
    "Position",
    "Reflections",
    "Score",
    "Settings",
    "Setup",
    "SharedAxis",
    "Spots",
    "UsefulRange",
    "check_order",
    "combine",
    "find_crystals",
    "find_hot_pixels",
    "hot_sample",
    "join_spots",
    "judge_dataset",
    "make_map",
    "score_of",
    "strong_refl",
    "useful_range",
]

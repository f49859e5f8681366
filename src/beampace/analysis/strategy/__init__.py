"""Strategy of a data collection: which range to rotate through, how finely, and how long to expose.

In order of use: `measure` on the test images, `fit_falloff` on what all of them give, `Situation`,
`draft_of`, `recommend`. The parts stand alone: `find_events`, `cover_grid` and `choose_range` for
completeness, `beampace.analysis.strategy.widths` for widths and distances, `wanted_factor` and `expose` for
exposures.
"""

from beampace.analysis.strategy.choice import Choice, choose_range
from beampace.analysis.strategy.events import Events, find_events
from beampace.analysis.strategy.exposure import (
    BeamDose,
    Exposure,
    dose_budget,
    expose,
    i_over_sigma,
    wanted_factor,
)
from beampace.analysis.strategy.falloff import AsTested, Falloff
from beampace.analysis.strategy.photometry import Photometry, joined, measure
from beampace.analysis.strategy.plan import ANOMALOUS, BEST, FASTEST, P1_SAFE, Draft, Plan
from beampace.analysis.strategy.plans import draft_of, recommend
from beampace.analysis.strategy.setting import reachable_resolution
from beampace.analysis.strategy.situation import Situation, Wanted
from beampace.analysis.strategy.wilson import fit_falloff
from beampace.analysis.strategy.windows import Coverage, CoverageGrid, cover, cover_grid
from beampace.core.limits import Limits

__all__ = [
    "ANOMALOUS",
    "BEST",
    "FASTEST",
    "P1_SAFE",
    "AsTested",
    "BeamDose",
    "Choice",
    "Coverage",
    "CoverageGrid",
    "Draft",
    "Events",
    "Exposure",
    "Falloff",
    "Limits",
    "Photometry",
    "Plan",
    "Situation",
    "Wanted",
    "choose_range",
    "cover",
    "cover_grid",
    "dose_budget",
    "draft_of",
    "expose",
    "find_events",
    "fit_falloff",
    "i_over_sigma",
    "joined",
    "measure",
    "reachable_resolution",
    "recommend",
    "wanted_factor",
]

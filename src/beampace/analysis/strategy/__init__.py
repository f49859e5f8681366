"""Strategy of a data collection: which range to rotate through, how finely, and how long to expose.

In order of use: `fit_falloff` on the spots of the test images, `Situation`, `draft_of`, `recommend`. The
parts stand alone: `find_events`, `cover_grid` and `choose_range` for completeness,
`beampace.analysis.strategy.widths` for widths and distances, `wanted_factor` and `expose` for exposures.
"""

from beampace.analysis.strategy.choice import Choice, choose_range
from beampace.analysis.strategy.events import Events, find_events
from beampace.analysis.strategy.exposure import (
    BeamDose,
    Exposure,
    Limits,
    dose_budget,
    expose,
    i_over_sigma,
    wanted_factor,
)
from beampace.analysis.strategy.falloff import AsTested, Falloff
from beampace.analysis.strategy.plan import ANOMALOUS, BEST, FASTEST, P1_SAFE, Draft, Plan
from beampace.analysis.strategy.plans import draft_of, recommend
from beampace.analysis.strategy.setting import reachable_resolution
from beampace.analysis.strategy.situation import Situation, Wanted
from beampace.analysis.strategy.wilson import SpotTable, fit_falloff
from beampace.analysis.strategy.windows import Coverage, CoverageGrid, cover, cover_grid

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
    "Plan",
    "Situation",
    "SpotTable",
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
    "reachable_resolution",
    "recommend",
    "wanted_factor",
]

"""What to do for a dataset, how large, and in which order: pure functions, no I/O."""

from beampace.plan.capacity import Capacity, usual_capacity
from beampace.plan.forecast import Forecast, forecast, forecasts, words
from beampace.plan.order import MAX_PASSED, Choice, Running, Start, Waiting, choose
from beampace.plan.rules import DEFAULT_RULES, Decision, PlannedWork, Rule, Scenario, Skipped, decide
from beampace.plan.sizing import Cost, core_seconds, enlarged, expected_s, least_cores, size

__all__ = [
    "DEFAULT_RULES",
    "MAX_PASSED",
    "Capacity",
    "Choice",
    "Cost",
    "Decision",
    "Forecast",
    "PlannedWork",
    "Rule",
    "Running",
    "Scenario",
    "Skipped",
    "Start",
    "Waiting",
    "choose",
    "core_seconds",
    "decide",
    "enlarged",
    "expected_s",
    "forecast",
    "forecasts",
    "least_cores",
    "size",
    "usual_capacity",
    "words",
]

"""The capacity model: a described beamtime, simulated with the daemon's own rules, sizes and order. Pure."""

from beampace.plan.capacity_model.collecting import Collected, collect
from beampace.plan.capacity_model.description import SCHEMA, Description, json_schema
from beampace.plan.capacity_model.lengths import Length
from beampace.plan.capacity_model.outcome import Trial, outcome
from beampace.plan.capacity_model.queueing import erlang_c, mean_wait
from beampace.plan.capacity_model.simulation import Done, Site, Task, Use, UseOf, simulate
from beampace.plan.capacity_model.study import MOST_NODES, study

__all__ = [
    "MOST_NODES",
    "SCHEMA",
    "Collected",
    "Description",
    "Done",
    "Length",
    "Site",
    "Task",
    "Trial",
    "Use",
    "UseOf",
    "collect",
    "erlang_c",
    "json_schema",
    "mean_wait",
    "outcome",
    "simulate",
    "study",
]

"""One experiment: its metadata file, its life from start to stop, its places, its groups."""

from beampace.beamtime.directory import is_still, root_id
from beampace.beamtime.find import Finding, Outcome, find
from beampace.beamtime.group_table import GroupTableFile, parse_table
from beampace.beamtime.groups import (
    DEFAULT_GROUP,
    Assigned,
    GroupTable,
    PathRule,
    assign,
    is_plain,
    plain_name,
)
from beampace.beamtime.lifecycle import GRACE_S, Change, ChangeKind, OpenBeamtime, Phase, Seen, next_phase
from beampace.beamtime.metadata import Asapo, Metadata, OnlineAnalysis, parse_metadata, read_metadata
from beampace.beamtime.resources import OnlineResources, granted
from beampace.beamtime.views import PathViews, View, views_of
from beampace.beamtime.watch import BeamtimeWatch, FixedBeamtime, Observation

__all__ = [
    "DEFAULT_GROUP",
    "GRACE_S",
    "Asapo",
    "Assigned",
    "BeamtimeWatch",
    "Change",
    "ChangeKind",
    "Finding",
    "FixedBeamtime",
    "GroupTable",
    "GroupTableFile",
    "Metadata",
    "Observation",
    "OnlineAnalysis",
    "OnlineResources",
    "OpenBeamtime",
    "Outcome",
    "PathRule",
    "PathViews",
    "Phase",
    "Seen",
    "View",
    "assign",
    "find",
    "granted",
    "is_plain",
    "is_still",
    "next_phase",
    "parse_metadata",
    "parse_table",
    "plain_name",
    "read_metadata",
    "root_id",
    "views_of",
]

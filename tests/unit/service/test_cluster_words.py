"""State of account and reservation in words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

from beampace.beamtime import OnlineResources, OpenBeamtime
from beampace.service.cluster_info import account_words, cluster_words
from beampace.service.job_places import NodePlaces
from beampace.service.slurm_section import SlurmSection


@dataclass
class Desk:
    """As much of a desk as the words need."""

    places: NodePlaces
    settings: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(cluster=SimpleNamespace(kind="slurm"))
    )


def said(section: SlurmSection, resources: OnlineResources | None) -> tuple[str, str]:
    """Whether jobs can run, and as whom."""
    places = NodePlaces(section, user=lambda: "daemon")
    places.see(replace(OpenBeamtime.at("11010000", Path("/nowhere"), ""), resources=resources))
    daemon = SimpleNamespace(desk=Desk(places))
    return cluster_words(daemon), account_words(daemon)  # type: ignore[arg-type]


GRANTED = OnlineResources("bttest01", None, "bttest01_res", "ps", ())


def test_account_and_reservation_are_told_apart_from_the_rest() -> None:
    words, account = said(SlurmSection(), GRANTED)
    assert words == "Jobs run on the cluster until the stop of the beamtime."
    assert account == "They run as bttest01, in the reservation bttest01_res."


def test_without_an_account_work_waits() -> None:
    assert said(SlurmSection(), None) == ("No account is granted on the cluster now: work waits.", "")


def test_submitting_as_the_daemon_itself() -> None:
    assert said(SlurmSection(via="local"), None)[1] == "They run as the daemon's own account."

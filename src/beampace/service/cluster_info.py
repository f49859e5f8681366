"""Where jobs run, for the pages: cores, nodes, account and reservation."""

from __future__ import annotations

from collections import Counter

from beampace.core.scope import Scope
from beampace.service.daemon import Daemon
from beampace.service.job_places import NodePlaces
from beampace.web import ClusterInfo


def cluster_info(daemon: Daemon, scope: Scope) -> ClusterInfo:
    """What there is and what of it is in use; accounts are named only to those who see all."""
    desk, capacity = daemon.desk, daemon.reconciler.capacity
    size, used = desk.cluster.size(), Counter[str]()
    for job, attempt in desk.ledger.active():
        if scope.covers(job.beamtime, job.group):
            used[job.work_class.value] += attempt.cores
    return ClusterInfo(
        kind=desk.settings.cluster.kind,
        words=cluster_words(daemon, named=scope.group is None),
        nodes=size.nodes if size else 1 if desk.settings.cluster.kind == "local" else 0,
        cores=capacity.cores,
        kept=capacity.urgent_cores + capacity.live_cores,
        in_use=dict(used),
    )


def cluster_words(daemon: Daemon, *, named: bool) -> str:
    """State of account and reservation, as a sentence."""
    places = daemon.desk.places
    if daemon.desk.settings.cluster.kind == "local":
        return "Jobs run on this machine."
    account = places.account()
    if account == "":
        return "No account is granted on the cluster now: work waits."
    if not named:
        return "Jobs run on the cluster until the stop of the beamtime."
    granted = places.granted() if isinstance(places, NodePlaces) else None
    whose = f"as {account}" if account else "as the daemon's own account"
    where = f", in the reservation {granted.reservation}" if granted and granted.reservation else ""
    until = ", until the stop of the beamtime" if account else ""
    return f"Jobs run on Slurm {whose}{where}{until}."

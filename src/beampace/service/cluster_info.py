"""Where jobs run, for the pages: cores, nodes, account and reservation."""

from __future__ import annotations

from collections import Counter

from beampace.core.scope import Scope
from beampace.service.daemon import Daemon
from beampace.service.job_places import NodePlaces
from beampace.web import ClusterInfo


def cluster_info(daemon: Daemon, scope: Scope) -> ClusterInfo:
    """What there is and what of it is in use; a group is told its own cores alone."""
    desk, used = daemon.desk, Counter[str]()
    for job, attempt in desk.ledger.active():
        if scope.covers(job.beamtime, job.group):
            used[job.work_class.value] += attempt.cores
    kind = desk.settings.cluster.kind
    told = ClusterInfo(kind=kind, words=cluster_words(daemon), in_use=dict(used))
    if scope.group is not None:
        return told
    size, capacity = desk.cluster.size(), daemon.reconciler.capacity
    return told.model_copy(
        update={
            "account": account_words(daemon),
            "nodes": size.nodes if size else 1 if kind == "local" else 0,
            "cores": capacity.cores,
            "kept": capacity.urgent_cores + capacity.live_cores,
        }
    )


def cluster_words(daemon: Daemon) -> str:
    """Whether jobs can run, as a sentence."""
    if daemon.desk.settings.cluster.kind == "local":
        return "Jobs run on this machine."
    if daemon.desk.places.account() == "":
        return "No account is granted on the cluster now: work waits."
    return "Jobs run on the cluster until the stop of the beamtime."


def account_words(daemon: Daemon) -> str:
    """As whom jobs run and in which reservation, as a sentence; "" where there is no account."""
    places = daemon.desk.places
    account = places.account()
    if daemon.desk.settings.cluster.kind == "local" or account == "":
        return ""
    granted = places.granted() if isinstance(places, NodePlaces) else None
    whose = f"as {account}" if account else "as the daemon's own account"
    where = f", in the reservation {granted.reservation}" if granted and granted.reservation else ""
    return f"They run {whose}{where}."

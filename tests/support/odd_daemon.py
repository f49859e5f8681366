"""The daemon with a cluster that hesitates, and on request with a decision that is wrong.

`python -m tests.support.odd_daemon right|wrong serve --config FILE`: for the first looks at an attempt the
cluster says UNKNOWN. The right decision waits; the wrong one takes UNKNOWN for gone.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from beampace.cli import main
from beampace.cluster import LocalCluster
from beampace.core.job import ClusterState, Evidence, next_state
from beampace.service import following

HESITATES = 8
"""Looks at an attempt after which the cluster knows what it does."""


class Hesitant(LocalCluster):
    """A cluster that does not know at first."""

    looks: Counter[str]

    def states(self, directories: Mapping[str, Path]) -> Mapping[str, ClusterState]:
        known = super().states(directories)
        self.looks = getattr(self, "looks", Counter())
        self.looks.update(list(known))
        return {
            name: ClusterState.UNKNOWN if self.looks[name] <= HESITATES else state
            for name, state in known.items()
        }


def unknown_is_gone(now, evidence: Evidence, grace_s: float = 3.0):
    """The seeded bug."""
    if evidence.cluster is ClusterState.UNKNOWN:
        evidence = replace(evidence, cluster=ClusterState.GONE, gone_for_s=grace_s)
    return next_state(now, evidence, grace_s)


def run() -> None:
    """Put the odd parts in and run the program."""
    from beampace.service import assembly

    decision = sys.argv.pop(1)
    assembly.LocalCluster = Hesitant
    if decision == "wrong":
        following.next_state = unknown_is_gone
    main.run()


if __name__ == "__main__":
    run()

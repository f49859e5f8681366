"""From "readable" to "first frame opened by the work", through the daemon, as a beamtime is played to it.

Run: `python -m benchmarks.daemon_latency`. First on an idle local cluster; then urgent work alone while
the core budget is full and 50 full jobs wait. Moments come from the player (a data file appeared) and from
the work itself (it opened its first frame), on one machine. Nothing is asserted here; `accept` does.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from beampace.simulate.beamtime.stock import Stock
from tests.support.latency import busy, idle


def main() -> None:
    """Measure and print."""
    stocks: dict[str, Stock] = {}
    with tempfile.TemporaryDirectory() as base:
        print(idle(Path(base) / "idle", stocks).words("idle cluster"), flush=True)
        print(busy(Path(base) / "busy", stocks).words("50 full jobs wait"), flush=True)


if __name__ == "__main__":
    main()

"""Measurements for Prometheus, in a registry of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from beampace import __version__
from beampace.web import DiskInfo, LagInfo

_TICK_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """What is measured. Every method may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failing_since: dict[str, float] = {}
        registry = self.registry = CollectorRegistry()

        def gauge(name: str, words: str, *labels: str) -> Gauge:
            return Gauge(f"beampace_{name}", words, labels, registry=registry)

        self._tick = Histogram(
            "beampace_tick_seconds", "Turns of the loop", buckets=_TICK_BUCKETS, registry=registry
        )
        self._watch = Histogram(
            "beampace_watch_seconds", "Of these, looking at files", buckets=_TICK_BUCKETS, registry=registry
        )
        self._results = Counter("beampace_results", "Results", ("work", "code"), registry=registry)
        self._hooks = Counter("beampace_hook_failures", "Hooks that failed for good", registry=registry)
        self._jobs = gauge("jobs", "Jobs of the beamtime", "work_class", "state")
        self._datasets = gauge("datasets", "Datasets of the beamtime", "state")
        self._lag = gauge("lag_seconds", "Lag of the beamtime", "work_class", "what", "statistic")
        self._failing = gauge("poll_failing_seconds", "Since when a poll fails; 0 when it does not", "poll")
        self._free = gauge("disk_free_bytes", "Bytes that results may still take")
        self._total = gauge("disk_total_bytes", "Bytes of the file system of the results")
        self._short = gauge("disk_only_results", "1 while nothing but results is kept")
        self._open = gauge("beamtime_open", "1 while a beamtime is open")
        self._troubles = gauge("troubles", "Things staff should know")
        gauge("build", "Version", "version").labels(__version__).set(1)

    def turned(self, seconds: float, watch_seconds: float = 0.0) -> None:
        """A turn of the loop took so long; of these seconds, looking at the files."""
        self._tick.observe(seconds)
        self._watch.observe(watch_seconds)

    def result(self, work: str, code: str) -> None:
        """A result was written down."""
        self._results.labels(work, code).inc()

    def hook_failed(self) -> None:
        """A hook failed for good."""
        self._hooks.inc()

    def poll(self, name: str, *, ok: bool) -> None:
        """A poll (`beamtime`, `watch`, `cluster`, ...) succeeded or failed."""
        if ok:
            self._failing_since.pop(name, None)
        else:
            self._failing_since.setdefault(name, self._clock())
        self._failing.labels(name).set(self._age(name))

    def counts(self, datasets: Mapping[str, int], jobs: Mapping[tuple[str, str], int]) -> None:
        """State -> datasets, and (class, state) -> jobs; what is not named is nought."""
        self._datasets.clear()
        for state, number in datasets.items():
            self._datasets.labels(state).set(number)
        self._jobs.clear()
        for (work_class, state), number in jobs.items():
            self._jobs.labels(work_class, state).set(number)

    def lags(self, lags: tuple[LagInfo, ...]) -> None:
        """Lag per class."""
        self._lag.clear()
        for lag in lags:
            for statistic, seconds in (("median", lag.median_s), ("p95", lag.p95_s), ("worst", lag.worst_s)):
                self._lag.labels(lag.of, lag.what, statistic).set(seconds)

    def disk(self, disk: DiskInfo) -> None:
        """Space for results."""
        self._free.set(disk.free_bytes)
        self._total.set(disk.total_bytes)
        self._short.set(disk.only_results)

    def beamtime(self, *, is_open: bool, troubles: int = 0) -> None:
        """Whether a beamtime is open, and how many troubles there are."""
        self._open.set(is_open)
        self._troubles.set(troubles)

    def exposition(self) -> bytes:
        """The text of `/metrics`."""
        for name in tuple(self._failing_since):
            self._failing.labels(name).set(self._age(name))
        return generate_latest(self.registry)

    def _age(self, name: str) -> float:
        since = self._failing_since.get(name)
        return 0.0 if since is None else self._clock() - since

"""When a directory is listed next: pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from beampace.watch.settings import WatchSettings

_GOLDEN = 0.6180339887498949
"""Multiples of the golden ratio spread evenly over the unit interval (Weyl)."""

_DUTY = 4.0
"""A listing that took long is followed by a pause of at least so many times its length."""


@dataclass(frozen=True, slots=True)
class Heat:
    """What makes a directory active; moments by a monotonic clock.

    Attributes:
        changed: when its listing last changed.
        led: when a listing below it last changed.
        awaited: when a dataset in it that lacks data files last changed; -inf without one.
        wanted: until when somebody asked for it to be looked at.
        root: whether it is the root.
    """

    changed: float = float("-inf")
    led: float = float("-inf")
    awaited: float = float("-inf")
    wanted: float = float("-inf")
    root: bool = False


def is_active(heat: Heat, now: float, settings: WatchSettings) -> bool:
    """Whether a directory is listed at the quick pace."""
    return (
        heat.root
        or now < heat.wanted
        or now - heat.changed < settings.active_for_s
        or now - heat.led < settings.leads_for_s
        or now - heat.awaited < settings.patience_s
    )


def next_listing(heat: Heat, listed: float, took: float, turn: int, settings: WatchSettings) -> float:
    """When a directory listed at `listed` is due again.

    Args:
        heat: what makes it active.
        listed: when its listing began.
        took: seconds the listing lasted.
        turn: a number that differs from listing to listing; spreads quiet directories over time.
        settings: paces.
    """
    pause = _DUTY * took
    if is_active(heat, listed, settings):
        return listed + max(settings.active_s, pause)
    share = 0.6 + 0.3 * ((turn * _GOLDEN) % 1.0)  # a tenth is left for polls that come late
    return listed + max(settings.quiet_s * share, pause)

"""Where the layout of a site comes from: from Slurm's answers, or fixed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm.layout import Asked, Layout, layout_of
from beampace.cluster.slurm.surveyor import Surveyor
from beampace.core.errors import BeampaceError


class Layouts(Protocol):
    """Says how a site is used."""

    @property
    def error(self) -> BeampaceError | None:
        """Why the site is not known, or None."""
        ...

    def look(self, granted: OnlineResources) -> Layout | None:
        """How it is used with what is granted; None as long as that is not known. Never waits."""
        ...

    def close(self) -> None:
        """Ask no more."""
        ...


@dataclass(frozen=True, slots=True)
class FixedLayout:
    """A site nobody has to be asked about.

    Attributes:
        layout: how it is used.
    """

    layout: Layout
    error: BeampaceError | None = None

    def look(self, granted: OnlineResources) -> Layout | None:
        """The layout."""
        del granted
        return self.layout

    def close(self) -> None:
        """Nobody is asked."""


@dataclass(slots=True)
class SurveyedLayout:
    """A site about which Slurm is asked.

    Attributes:
        surveyor: asks.
        asked: what the configuration says.
        clock: monotonic seconds.
    """

    surveyor: Surveyor
    asked: Asked
    clock: Callable[[], float] = time.monotonic

    @property
    def error(self) -> BeampaceError | None:
        """Why the site is not known, or None."""
        return self.surveyor.error

    def look(self, granted: OnlineResources) -> Layout | None:
        """How the site is used, from the last answer; see `Layouts`."""
        known = self.surveyor.look(granted)
        return None if known is None else layout_of(known.site, self.asked, known.left_s(self.clock()))

    def close(self) -> None:
        """Ask no more."""
        self.surveyor.close()

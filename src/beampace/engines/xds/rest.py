"""The frames that are left when a scan is complete, and all its wedges as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from beampace.core.engine import Request
from beampace.core.errors import BeampaceError, Cancelled, InfrastructureError
from beampace.core.taxonomy import Failure
from beampace.engines.xds.ahead import Begun, keep_logs, prepare
from beampace.engines.xds.integrate_lp import ImageRow
from beampace.engines.xds.integration import Frames, integrate, rows_in
from beampace.engines.xds.lp_text import LpError
from beampace.engines.xds.program import Program
from beampace.engines.xds.situation import situation_of
from beampace.engines.xds.split import Means
from beampace.engines.xds.wedges import Wedge, join_wedges

HOPELESS = (Failure.DISK_FULL, Failure.OUT_OF_MEMORY, Failure.NOT_WRITABLE, Failure.LICENCE_EXPIRED)
"""Endings that doing all of it again does not mend."""


class NotHeldError(Exception):
    """What was done ahead cannot be gone on with; the message says why."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Integrates what is left.

    Attributes:
        program: runs XDS.
        request: all frames.
        library: plug-in that reads frames.
        means: cores and memory.
        lost: numbers of frames that nobody can read.
    """

    program: Program
    request: Request
    library: Path | None
    means: Means
    lost: frozenset[int]

    def joined(self, begun: Begun) -> tuple[Wedge, ...]:
        """All wedges, their records in the INTEGRATE.HKL of the request's directory.

        Raises:
            NotHeldError: something went wrong that may go right when all frames are integrated at once.
            InfrastructureError, Cancelled: it would go wrong again.
        """
        directory = self.request.directory
        try:
            wedges = (*begun.wedges, *self._rest(begun))
            join_wedges(wedges, directory / "INTEGRATE.HKL")
            (directory / "XPARM.XDS").write_text(begun.lattice.text, encoding="ascii")
            if len(wedges) > len(begun.wedges):
                keep_logs(self._place)
        except BeampaceError as error:
            if isinstance(error, Cancelled) or (
                isinstance(error, InfrastructureError) and error.code in HOPELESS
            ):
                raise
            raise NotHeldError(error.words) from error
        except (LpError, OSError, UnicodeError) as error:
            raise NotHeldError(str(error)) from error
        return wedges

    def rows(self, wedges: Sequence[Wedge]) -> tuple[ImageRow, ...]:
        """What INTEGRATE says of each image."""
        return tuple(row for wedge in wedges for row in rows_in(wedge.file.parent))

    @property
    def _place(self) -> Path:
        return self.request.directory / "rest"

    def _rest(self, begun: Begun) -> tuple[Wedge, ...]:
        """The frames after the last wedge, as one more."""
        images = (begun.last + 1, self.request.images[1])
        if images[0] > images[1]:
            return ()
        prepare(self._place, begun.lattice, begun.init)
        situation = situation_of(self.request, self.request.master, self._place, self.library)
        done = integrate(self.program, situation, Frames(images, lost=self.lost), self._place, self.means)
        return (Wedge(done.images, self._place / "INTEGRATE.HKL"),)

"""XDS from frames to scaled reflections.

Two orders of work. The quick one finds the spots itself while XYCORR and INIT run, so that IDXREF needs no
COLSPOT, and takes over what was done while the scan was written (`ahead`). The stock one is a single run of
all steps as the manual has it, to compare with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import gemmi

from beampace.analysis.groups import to_standard
from beampace.core.cell import UnitCell
from beampace.core.engine import EngineRecord, Request, Tweak
from beampace.core.errors import failure
from beampace.core.ports import Ahead, Progress
from beampace.core.taxonomy import Failure
from beampace.engines.xds.ahead import Forerunner
from beampace.engines.xds.banner import Banner
from beampace.engines.xds.before_correct import BeforeCorrect
from beampace.engines.xds.correction import Correcting, Wish, turned
from beampace.engines.xds.installation import HOW_TO_GET, XdsInstallation, check_licence, library, warnings
from beampace.engines.xds.means import means_of, read_meminfo, with_hook
from beampace.engines.xds.program import Program
from beampace.engines.xds.record import Said, record_of
from beampace.engines.xds.situation import situation_of


@dataclass(slots=True)
class XdsEngine:
    """Drives XDS.

    One engine works on one dataset.

    Attributes:
        installation: where XDS is.
        stock: a single run of all steps.
        forerunner: what was done while the scan was written.
    """

    installation: XdsInstallation = field(default_factory=XdsInstallation)
    stock: bool = False
    forerunner: Forerunner | None = None

    @property
    def name(self) -> str:
        """As it is asked for."""
        return "xds-stock" if self.stock else "xds"

    @property
    def tweaks(self) -> frozenset[Tweak]:
        """None: what may help is tried within."""
        return frozenset()

    def missing(self) -> tuple[str, ...]:
        """What is not installed, as sentences that say how to get it; see `core.ports.Engine`."""
        return self.installation.missing()

    def versions(self) -> dict[str, str]:
        """Program to version; empty when XDS is not there."""
        environment = self.installation.environment()
        if self.installation.absent(environment):
            return {}
        banner = self.installation.banner(environment)
        return {"xds": _version(banner)} if banner else {}

    def remarks(self) -> tuple[str, ...]:
        """A licence that ends soon, a build with a known fault."""
        environment = self.installation.environment()
        banner = None if self.installation.absent(environment) else self.installation.banner(environment)
        return tuple(warnings(banner, datetime.now(UTC).date())) if banner else ()

    @contextmanager
    def ahead(self, request: Request) -> Iterator[Ahead]:
        """Begin on a scan that is being written; see `core.ports.Engine`."""
        environment = self.installation.environment()
        means = means_of(request.cores, os.environ, read_meminfo())
        with Forerunner(
            self.installation,
            with_hook(environment, means.nodes),
            request,
            means,
            _known(request),
            active=not self.stock and not self.installation.absent(environment),
        ) as forerunner:
            self.forerunner = forerunner
            try:
                yield forerunner
            finally:
                self.forerunner = None

    def process(self, request: Request, progress: Progress) -> EngineRecord:
        """Carry out a request; see `core.ports.Engine` for what it raises."""
        environment = self.installation.environment()
        banner = self._ready(environment)
        means = means_of(request.cores, os.environ, read_meminfo())
        program = Program(self.installation, with_hook(environment, means.nodes), progress)
        situation = situation_of(request, request.master, request.directory, library(environment))
        work = BeforeCorrect(request, program, situation, means, _known(request))
        done = work.stock() if self.stock else work.quick(self.forerunner)
        settled = Correcting(
            program, done.lattice.way.situation, done.images, request.directory, min(request.cores, 99)
        ).settle(_wish(request), done.corrected)
        versions, remarks = {"xds": _version(banner)}, (*done.remarks, *_warnings(banner, program))
        said = Said(versions, program.timing, program.parameters, remarks)
        return record_of(self.name, request, done.lattice, done.explained, settled, said)

    def _ready(self, environment: Mapping[str, str]) -> Banner:
        """What the program says of itself.

        Raises:
            InfrastructureError: engine_missing, licence_expired.
        """
        absent = self.installation.absent(environment)
        if absent:
            raise failure(Failure.ENGINE_MISSING, f"{', '.join(absent)} not on PATH.", HOW_TO_GET)
        banner = self.installation.banner(environment)
        if banner is None:
            raise failure(Failure.ENGINE_FAILED, "xds_par does not say which version it is.")
        check_licence(banner, datetime.now(UTC).date())
        return banner


def _group(request: Request) -> tuple[gemmi.SpaceGroup | None, UnitCell | None]:
    """Space group and cell that are asked for, in the standard setting: XDS knows no other.

    The cell of another setting than those of renamed axes is left out.
    """
    asked = gemmi.find_spacegroup_by_name(request.space_group) if request.space_group else None
    if asked is None or asked.is_reference_setting():
        return asked, request.unit_cell
    move = to_standard(asked)
    cell = turned(request.unit_cell, move[0]) if move and request.unit_cell else None
    return gemmi.SpaceGroup(asked.number), cell


def _wish(request: Request) -> Wish:
    group, cell = _group(request)
    return Wish(group, cell, request.d_min)


def _known(request: Request) -> tuple[int, UnitCell | None]:
    """Group and cell to index with: both or neither."""
    group, cell = _group(request)
    return (group.number, cell) if group is not None and cell is not None else (0, None)


def _warnings(banner: Banner, program: Program) -> tuple[str, ...]:
    """What the licence and the program warn of, as sentences."""
    told = (f"{told.complaint.words} XDS said: {told.line}" for told in program.told if told.warning)
    return (*warnings(banner, datetime.now(UTC).date()), *told)


def _version(banner: Banner) -> str:
    return f"{banner.version} BUILT={banner.built}" if banner.built else banner.version

"""What the steps of one run have in common."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.support.xds_checker.geometry import Geometry, from_inp
from tests.support.xds_checker.grammar import Inp
from tests.support.xds_checker.log import LABEL, StepError
from tests.support.xds_checker.truth import Truth, find_truth, read_truth


@dataclass(frozen=True, eq=False)
class Run:
    """One run of the program.

    Attributes:
        inp: XDS.INP.
        directory: where everything is read and written.
        parallel: it is xds_par.
    """

    inp: Inp
    directory: Path
    parallel: bool = True

    @cached_property
    def images(self) -> object:
        """The images; h5py is loaded only when a step opens some."""
        from tests.support.xds_checker.frames import open_images

        return open_images(self.inp, self.directory)

    @cached_property
    def geometry(self) -> Geometry:
        """As XDS.INP gives it."""
        return from_inp(self.inp)

    @cached_property
    def truth(self) -> Truth:
        """The truth behind the template.

        Raises:
            StepError: there is none.
        """
        template = self.inp.word("NAME_TEMPLATE_OF_DATA_FRAMES")
        master = self.directory / template.replace("??????", "master")
        prefix = find_truth(os.environ.get("XDS_CHECKER_TRUTH", ""), master)
        if prefix is None:
            raise StepError(f"THE CHECKER KNOWS NO TRUTH OF {template}")
        return read_truth(prefix)

    def need(self, *names: str) -> None:
        """Files that an earlier step must have left.

        Raises:
            StepError: one of them is not there.
        """
        for name in names:
            path = self.directory / name
            if not path.is_file() or not path.stat().st_size:
                raise StepError(f'CANNOT OPEN OR READ FILE "{name}"')

    def place_holder(self, *names: str) -> None:
        """Files whose contents nothing but XDS reads."""
        for name in names:
            (self.directory / name).write_text(f"###CBF: VERSION 1.5\n#{LABEL}: {name}\n")

    @property
    def jobs(self) -> int:
        """MAXIMUM_NUMBER_OF_JOBS; one when XDS waits for images."""
        if self.inp.integer("SECONDS", 0) > 0:
            return 1
        return self.inp.integer("MAXIMUM_NUMBER_OF_JOBS", 1)

    @property
    def processors(self) -> int:
        """MAXIMUM_NUMBER_OF_PROCESSORS, or all there are."""
        return self.inp.integer("MAXIMUM_NUMBER_OF_PROCESSORS", min(os.cpu_count() or 1, 99))

    def refinable(self, step: str, default: str) -> tuple[str, ...]:
        """What REFINE(...) names."""
        return self.inp.words(f"REFINE({step})", tuple(default.split()))

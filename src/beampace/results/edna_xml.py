"""`strategy.xml`: a strategy as the EDNA characterisation result that MXCuBE reads.

What was found in mxcubecore (`mxcubecore/HardwareObjects/` unless said otherwise), and how sure it is. Files
made here were read by the parsers and by both `dc_from_output` (general and P11) of mxcubecore 2.149.0,
outside a beamline, and gave the queue entry meant.

Seen in the source:

- `EDNACharacterisation._run_edna` and `DESY/P11EDNACharacterisation._run_edna` hand the file to
  `XSDataResultMXCuBE.parseFile` of `XSDataMXCuBEv1_4` (some: `v1_3`). Elements are found by name in any
  order, unknown and missing ones pass; a leaf is `<name><value>...</value></name>`, read by `float`, `int` or
  as text. A number that does not parse is an error.
- `queue_entry/characterisation.py` asks for `characterisationResult/strategyResult/collectionPlan`; without
  a plan it says so and goes on. `dc_from_output` makes queue entries of the first plan only, one per
  `collectionStrategy/subWedge` (a P11 version: one in all, to the end of the last).
- A queue entry takes `experimentalCondition/goniostat` `rotationAxisStart`, `rotationAxisEnd`,
  `oscillationWidth` (degrees); `experimentalCondition/beam` `exposureTime` (s per image), `transmission`
  (percent) and `wavelength` (angstrom; the energy is 12.3984 / wavelength, to 4 decimals); and
  `strategySummary/resolution` (angstrom, to 3 decimals). The number of images is |end - start| / width cut
  down to an integer, so the end written here is one that this arithmetic does not cut short. The detector
  distance is carried by the schema, in mm, but not taken over: MXCuBE moves to the resolution.
- `indexingResult/selectedSolution/crystal` with `cell` (angstrom, degrees), `mosaicity` and `spaceGroup/name`
  is what `XSDataMXv1` knows of the lattice. No queue entry takes any of it.
- `strategySummary/attenuation` would set the transmission too, but is deprecated for the one of the beam.
- `screeningId` is optional. `htmlPage/path` is as well, but one P11 version fails without it, so it is always
  written, empty where there is no page. A `status` is not looked at.

Seen in MXCuBE's own example result (`edna_test_data.py`) only: completeness as a fraction, times in seconds,
distance in mm, a transmission such as 31.4. Not confirmed: what EDNA means by `mosaicity` (written here as in
`strategy.json`, the standard deviation in degrees) and by `rankingResolution` (written here: the resolution
seen on the test shots), whether EDNA puts spaces in a space group, and what a running beamline does with any
of this.
"""

from __future__ import annotations

import math
import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from beampace.results.strategy_schema import CollectionPlan, Strategy, StrategyLattice

READER_KEV_ANGSTROM = 12.3984
"""hc in keV A as MXCuBE has it; with it the energy comes back unchanged."""

NO_PLAN = "No collection plan: the test shots do not allow one."
"""The message of a result without plans."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")


def characterisation_xml(strategy: Strategy, *, html_page: str = "", screening_id: int | None = None) -> str:
    """The text of `strategy.xml`; write it as UTF-8.

    Args:
        strategy: What to collect; its recommendation becomes the first plan.
        html_page: Path of a page that MXCuBE shows with the result.
        screening_id: Identifier of the screening in the LIMS, where there is one.
    """
    root = Element("XSDataResultMXCuBE")
    message = _message(strategy)
    _leaf(root, "characterisationExecutiveSummary", message)
    _add_characterisation(root, strategy, message)
    _leaf(SubElement(root, "htmlPage"), "path", html_page)
    _leaf(root, "screeningId", screening_id)
    indent(root, space="    ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _message(strategy: Strategy) -> str:
    """What the result says, a sentence a line."""
    plan = strategy.recommendation
    first = NO_PLAN if plan is None else plan.words
    return "\n".join((first, *strategy.warnings))


def _add_characterisation(root: Element, strategy: Strategy, message: str) -> None:
    """The lattice and the plans; without a recommendation none, as MXCuBE would collect the first."""
    result = SubElement(root, "characterisationResult")
    _leaf(result, "executiveSummary", message)
    _add_indexing(result, strategy.lattice)
    _leaf(result, "shortSummary", message.partition("\n")[0])
    _leaf(result, "statusMessage", message.partition("\n")[0])
    plans = SubElement(result, "strategyResult")
    if strategy.recommendation is None:
        return
    for number, plan in enumerate((strategy.recommendation, *strategy.alternatives), start=1):
        _add_plan(plans, number, plan, strategy.lattice)


def _add_indexing(result: Element, lattice: StrategyLattice) -> None:
    """The selected solution; nothing where the test shots were not indexed."""
    if not lattice.space_group and lattice.unit_cell is None:
        return
    solution = SubElement(SubElement(result, "indexingResult"), "selectedSolution")
    crystal = SubElement(solution, "crystal")
    if lattice.unit_cell is not None:
        cell = SubElement(crystal, "cell")
        for name, value in zip(_CELL, lattice.unit_cell, strict=True):
            _leaf(cell, name, value)
    _leaf(crystal, "mosaicity", lattice.mosaicity_deg)
    if lattice.space_group:
        _leaf(SubElement(crystal, "spaceGroup"), "name", lattice.space_group)
    _leaf(solution, "number", 1)


def _add_plan(parent: Element, number: int, plan: CollectionPlan, lattice: StrategyLattice) -> None:
    """One plan of one sub wedge."""
    element = SubElement(parent, "collectionPlan")
    _leaf(element, "collectionPlanNumber", number)
    wedge = SubElement(SubElement(element, "collectionStrategy"), "subWedge")
    _add_condition(SubElement(wedge, "experimentalCondition"), plan)
    _leaf(wedge, "subWedgeNumber", 1)
    _leaf(element, "comment", plan.words)
    _add_summary(SubElement(element, "strategySummary"), plan, lattice)


def _add_condition(condition: Element, plan: CollectionPlan) -> None:
    """Beam, detector and goniostat of a sub wedge."""
    beam = SubElement(condition, "beam")
    _leaf(beam, "exposureTime", plan.exposure_s)
    _leaf(beam, "transmission", round(100 * plan.transmission, 9))
    if plan.energy_kev:
        _leaf(beam, "wavelength", READER_KEV_ANGSTROM / plan.energy_kev)
    _leaf(SubElement(condition, "detector"), "distance", plan.distance_mm)
    goniostat = SubElement(condition, "goniostat")
    _leaf(goniostat, "oscillationWidth", plan.width_deg)
    _leaf(goniostat, "rotationAxisEnd", end_deg(plan))
    _leaf(goniostat, "rotationAxisStart", plan.start_deg)


def _add_summary(summary: Element, plan: CollectionPlan, lattice: StrategyLattice) -> None:
    """What is expected of the data."""
    _leaf(summary, "completeness", plan.completeness)
    _leaf(summary, "iSigma", plan.i_over_sigma)
    _leaf(summary, "rankingResolution", lattice.resolution)
    _leaf(summary, "redundancy", plan.multiplicity)
    _leaf(summary, "resolution", plan.resolution)
    _leaf(summary, "resolutionReasoning", " ".join(plan.reasons) or None)
    _leaf(summary, "totalExposureTime", plan.total_s)


def end_deg(plan: CollectionPlan) -> float:
    """Spindle angle at the end of the last frame, such that MXCuBE counts `frames` from it."""
    exact = plan.start_deg + plan.frames * plan.width_deg
    end = round(exact, 6)
    if _counted(plan, end) != plan.frames:
        end = exact
    while _counted(plan, end) < plan.frames:
        end = math.nextafter(end, math.inf)
    return end


def _counted(plan: CollectionPlan, end: float) -> int:
    """The number of images MXCuBE makes of an end angle."""
    return int(abs(end - plan.start_deg) / plan.width_deg)


def _leaf(parent: Element, name: str, value: float | int | str | None) -> None:
    """A value in its wrapper; nothing for None. Numbers are as Python writes them, whatever the locale."""
    if value is None:
        return
    text = _NOT_XML.sub("", value) if isinstance(value, str) else repr(value)
    SubElement(SubElement(parent, name), "value").text = text

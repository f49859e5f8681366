"""strategy.xml as MXCuBE reads it: a reader of the test's own, made after the behaviour of MXCuBE's parser.

Names, wrappers and types are written down here once more, and the arithmetic of the queue entry, so that a
slip in the writer is not repeated by the reader.
"""

from __future__ import annotations

import locale
import math
import random
from typing import Any
from xml.dom import minidom

import pytest

from beampace.results import edna_xml
from beampace.results.edna_xml import NO_PLAN, characterisation_xml, end_deg
from beampace.results.strategy_schema import CollectionPlan, Strategy

BEAM = {"exposureTime": float, "transmission": float, "wavelength": float}
DETECTOR = {"distance": float}
GONIOSTAT = {"oscillationWidth": float, "rotationAxisEnd": float, "rotationAxisStart": float}
WEDGE = {
    "experimentalCondition": {"beam": BEAM, "detector": DETECTOR, "goniostat": GONIOSTAT},
    "subWedgeNumber": int,
}
SUMMARY = {
    "completeness": float,
    "iSigma": float,
    "rankingResolution": float,
    "redundancy": float,
    "resolution": float,
    "resolutionReasoning": str,
    "totalExposureTime": float,
}
PLAN = {
    "collectionPlanNumber": int,
    "collectionStrategy": {"subWedge": [WEDGE]},
    "comment": str,
    "strategySummary": SUMMARY,
}
CELL = dict.fromkeys(("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"), float)
CRYSTAL = {"cell": CELL, "mosaicity": float, "spaceGroup": {"name": str}}
CHARACTERISATION = {
    "executiveSummary": str,
    "indexingResult": {"selectedSolution": {"crystal": CRYSTAL, "number": int}},
    "shortSummary": str,
    "statusMessage": str,
    "strategyResult": {"collectionPlan": [PLAN]},
}
RESULT = {
    "characterisationExecutiveSummary": str,
    "characterisationResult": CHARACTERISATION,
    "htmlPage": {"path": str},
    "screeningId": int,
}


def leaf(node: Any, kind: type) -> Any:
    """The value in a wrapper: text is joined, a number is the first child."""
    values = [child for child in node.childNodes if child.nodeName == "value"]
    assert len(values) == 1, node.toxml()
    if kind is str:
        return "".join(child.nodeValue for child in values[0].childNodes if child.nodeValue is not None)
    return kind(values[0].firstChild.nodeValue)


def build(node: Any, shape: Any) -> Any:
    """What the generated parser would build; an element it does not know is an error here."""
    if isinstance(shape, type):
        return leaf(node, shape)
    found: dict[str, Any] = {name: [] for name, inner in shape.items() if isinstance(inner, list)}
    for child in node.childNodes:
        if child.nodeType != child.ELEMENT_NODE:
            continue
        inner = shape[child.nodeName]
        if isinstance(inner, list):
            found[child.nodeName].append(build(child, inner[0]))
        else:
            assert child.nodeName not in found, "given twice"
            found[child.nodeName] = build(child, inner)
    return found


def parsed(text: str) -> dict[str, Any]:
    root = minidom.parseString(text.encode()).documentElement
    assert root.nodeName == "XSDataResultMXCuBE"
    result: dict[str, Any] = build(root, RESULT)
    return result


def plans_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = result["characterisationResult"]["strategyResult"]["collectionPlan"]
    return found


def queue_entries(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The acquisition parameters MXCuBE would take over, of the first plan."""
    plans = plans_of(result)
    return [entry(plans[0], wedge) for wedge in plans[0]["collectionStrategy"]["subWedge"]] if plans else []


def entry(plan: dict[str, Any], wedge: dict[str, Any]) -> dict[str, Any]:
    beam = wedge["experimentalCondition"]["beam"]
    goniostat = wedge["experimentalCondition"]["goniostat"]
    start, end = goniostat["rotationAxisStart"], goniostat["rotationAxisEnd"]
    taken = {
        "resolution": round(plan["strategySummary"]["resolution"], 3),
        "osc_start": start,
        "osc_end": end,
        "osc_range": goniostat["oscillationWidth"],
        "num_images": int(abs(end - start) / goniostat["oscillationWidth"]),
        "transmission": beam["transmission"],
        "exp_time": beam["exposureTime"],
    }
    if "wavelength" in beam:
        taken["energy"] = round((123984.0 / beam["wavelength"]) / 10000.0, 4)
    return taken


def plan(**changes: Any) -> CollectionPlan:
    values: dict[str, Any] = {
        "rank": 1,
        "words": "Complete native data.",
        "reasons": ("The spots end at 1.8 A.", "Half of the dose limit."),
        "start_deg": 12.5,
        "range_deg": 120.0,
        "width_deg": 0.1,
        "frames": 1200,
        "exposure_s": 0.005,
        "transmission": 0.35,
        "distance_mm": 187.25,
        "resolution": 1.8,
        "energy_kev": 12.7,
        "completeness": 0.987,
        "multiplicity": 4.4,
        "i_over_sigma": 2.1,
        "total_s": 6.0,
    }
    return CollectionPlan.model_validate(values | changes)


def strategy(**changes: Any) -> Strategy:
    values: dict[str, Any] = {
        "created": "2026-11-28T10:00:00Z",
        "dataset": {"id": "a", "name": "lyso_1", "path": "/data/lyso_1_master.h5", "kind": "screening"},
        "tested": {"frames": 4},
        "lattice": {
            "space_group": "P 43 21 2",
            "unit_cell": (79.1, 79.1, 37.9, 90.0, 90.0, 90.0),
            "mosaicity_deg": 0.11,
            "resolution": 1.75,
        },
        "recommendation": plan(),
    }
    return Strategy.model_validate(values | changes)


def test_queue_entry_is_the_recommendation() -> None:
    entries = queue_entries(parsed(characterisation_xml(strategy())))
    assert entries == [
        {
            "resolution": 1.8,
            "osc_start": 12.5,
            "osc_end": 132.5,
            "osc_range": 0.1,
            "num_images": 1200,
            "transmission": 35.0,
            "exp_time": 0.005,
            "energy": 12.7,
        }
    ]


def test_recommendation_first_then_alternatives_in_order() -> None:
    others = (plan(rank=2, words="Fast.", distance_mm=250.0), plan(rank=3, words="Anomalous."))
    plans = plans_of(parsed(characterisation_xml(strategy(alternatives=others))))
    assert [found["collectionPlanNumber"] for found in plans] == [1, 2, 3]
    assert [found["comment"] for found in plans] == ["Complete native data.", "Fast.", "Anomalous."]
    wedges = [found["collectionStrategy"]["subWedge"] for found in plans]
    assert [
        [wedge["experimentalCondition"]["detector"]["distance"] for wedge in each] for each in wedges
    ] == [
        [187.25],
        [250.0],
        [187.25],
    ]


def test_summary() -> None:
    summary = plans_of(parsed(characterisation_xml(strategy())))[0]["strategySummary"]
    assert summary == {
        "completeness": 0.987,
        "iSigma": 2.1,
        "rankingResolution": 1.75,
        "redundancy": 4.4,
        "resolution": 1.8,
        "resolutionReasoning": "The spots end at 1.8 A. Half of the dose limit.",
        "totalExposureTime": 6.0,
    }


def test_what_is_not_known_is_left_out() -> None:
    bare = plan(energy_kev=None, completeness=None, multiplicity=None, i_over_sigma=None, reasons=())
    result = parsed(characterisation_xml(strategy(recommendation=bare, lattice={})))
    assert plans_of(result)[0]["strategySummary"] == {"resolution": 1.8, "totalExposureTime": 6.0}
    assert "energy" not in queue_entries(result)[0]
    assert "indexingResult" not in result["characterisationResult"]
    assert "screeningId" not in result


def test_lattice() -> None:
    result = parsed(characterisation_xml(strategy()))
    crystal = result["characterisationResult"]["indexingResult"]["selectedSolution"]["crystal"]
    assert list(crystal["cell"].values()) == [79.1, 79.1, 37.9, 90.0, 90.0, 90.0]
    assert crystal["cell"]["length_c"] == 37.9
    assert crystal["mosaicity"] == 0.11
    assert crystal["spaceGroup"] == {"name": "P 43 21 2"}


def test_no_plan_is_a_message() -> None:
    none = strategy(recommendation=None, alternatives=(plan(rank=2),), warnings=("No spots were found.",))
    result = parsed(characterisation_xml(none))
    assert queue_entries(result) == []
    assert result["characterisationResult"]["statusMessage"] == NO_PLAN
    assert result["characterisationExecutiveSummary"] == NO_PLAN + "\nNo spots were found."


def test_page_is_text_even_when_there_is_none() -> None:
    assert parsed(characterisation_xml(strategy()))["htmlPage"] == {"path": ""}
    result = parsed(characterisation_xml(strategy(), html_page="/p/report.html", screening_id=21514))
    assert result["htmlPage"] == {"path": "/p/report.html"}
    assert result["screeningId"] == 21514


def test_text_is_escaped_and_cleaned() -> None:
    words = '<value>&amp; "1 < 2" & ä Å 三 ]]> \x00\x1b\ud800end'
    recommended = plan().model_copy(update={"words": words})
    text = characterisation_xml(strategy().model_copy(update={"recommendation": recommended}))
    assert "<!" not in text
    assert plans_of(parsed(text))[0]["comment"] == '<value>&amp; "1 < 2" & ä Å 三 ]]> end'


def test_declaration_and_bytes_are_utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "getpreferredencoding", lambda *_: "ISO-8859-1")
    monkeypatch.setattr(locale, "getencoding", lambda: "ISO-8859-1")
    text = characterisation_xml(strategy(warnings=("Å",)))
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<XSDataResultMXCuBE>')
    assert minidom.parseString(text).documentElement.nodeName == "XSDataResultMXCuBE"


@pytest.mark.parametrize("value", [1e-7, 0.1 + 0.2, 1e6, 123456.789, 1 / 3])
def test_numbers_come_back_exactly(value: float) -> None:
    text = characterisation_xml(strategy(recommendation=plan(exposure_s=value)))
    assert queue_entries(parsed(text))[0]["exp_time"] == value
    assert f"<value>{value!r}</value>" in text


@pytest.mark.parametrize("energy", [6.0, 9.6586, 12.3984, 12.6575, 20.0001, 28.0])
def test_energy_comes_back(energy: float) -> None:
    text = characterisation_xml(strategy(recommendation=plan(energy_kev=energy)))
    assert queue_entries(parsed(text))[0]["energy"] == energy


@pytest.mark.parametrize("transmission", [0.0, 1e-5, 0.07, 0.29, 0.57, 1.0])
def test_transmission_is_in_percent(transmission: float) -> None:
    text = characterisation_xml(strategy(recommendation=plan(transmission=transmission)))
    assert queue_entries(parsed(text))[0]["transmission"] == round(transmission * 100, 6)


def test_no_image_is_lost_to_the_division() -> None:
    naive = 0
    for start, width, frames in scans():
        made = plan(start_deg=start, width_deg=width, frames=frames, range_deg=frames * width)
        taken = queue_entries(parsed(characterisation_xml(strategy(recommendation=made))))[0]
        assert taken["num_images"] == frames
        assert math.isclose(taken["osc_end"], start + frames * width, abs_tol=1e-6)
        naive += int(abs((start + frames * width) - start) / width) != frames
    assert naive  # the plain sum does lose some


def scans() -> list[tuple[float, float, int]]:
    draw = random.Random(7)
    widths = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 1 / 3, 0.7, 1.0, 1e-7)
    starts = (-180.0, -12.3, 0.0, 0.1, 7.7, 33.3, 359.9, 1234.567)
    return [(draw.choice(starts), draw.choice(widths), draw.randint(1, 3600)) for _ in range(600)]


def test_plain_ends_stay_plain() -> None:
    assert end_deg(plan(start_deg=0.0, width_deg=0.1, frames=900)) == 90.0
    assert end_deg(plan(start_deg=0.1, width_deg=0.2, frames=3)) == pytest.approx(0.7)


def test_units_are_documented() -> None:
    written = edna_xml.__doc__ or ""
    for word in ("degrees", "s per image", "percent", "angstrom", "mm", "12.3984"):
        assert word in written

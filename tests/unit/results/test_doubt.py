"""What speaks against a result."""

from __future__ import annotations

import pytest

from beampace.core.verdict import Verdict
from beampace.results.build import build_result
from beampace.results.doubt import doubts_of
from beampace.results.statistics import statistics


@pytest.fixture
def result(dataset, ledger, record, synthetic):
    verdict = Verdict("merged", "", "")
    found = statistics(synthetic("P 43 21 2"))
    return build_result("process", dataset, ledger, None, record, verdict, statistics=found)


def changed(result, part: str, **values):
    """With other values of all data, or of the inner shell."""
    found = result.statistics
    new = getattr(found, part).model_copy(update=values)
    return result.model_copy(update={"statistics": found.model_copy(update={part: new})})


def test_nothing_speaks_against_good_data(result):
    assert doubts_of(result) == {"signal": "", "low_resolution": "", "lattice": ""}
    assert doubts_of(result.model_copy(update={"statistics": None})) == {}


@pytest.mark.parametrize(
    ("part", "values", "question", "words"),
    [
        ("overall", {"cc_half_significant": False}, "signal", "half data sets do not agree significantly"),
        ("overall", {"cc_half_significant": False, "n_repeated": 5}, "signal", None),
        ("overall", {"cc_half_significant": None}, "signal", None),
        ("inner", {"cc_half": 0.9}, "low_resolution", "CC1/2 is only 0.90 even at low resolution"),
        ("inner", {"cc_half": 0.9, "n_repeated": 5}, "low_resolution", None),
        ("inner", {"cc_half": 0.9, "n_repeated": None}, "low_resolution", "CC1/2 is only 0.90"),
        ("inner", {"cc_half": None}, "low_resolution", None),
    ],
)
def test_data_that_do_not_agree_or_do_not_say(result, part, values, question, words):
    found = doubts_of(changed(result, part, **values))
    assert (question in found) is (words is not None)
    assert found.get(question, "").startswith(words or "")
    assert [name for name in found if found[name]] == ([question] if words else [])


def test_a_program_that_tells_no_inner_shell_is_not_asked(result):
    statistics = result.statistics.model_copy(update={"inner": None, "shells": ()})
    assert "low_resolution" not in doubts_of(result.model_copy(update={"statistics": statistics}))


def test_a_lattice_that_explains_little(result):
    crystal = result.crystal.model_copy(update={"indexed_fraction": 0.3})
    found = doubts_of(result.model_copy(update={"crystal": crystal}))
    assert found["lattice"] == "the lattice explains only 30 % of the spots"
    unknown = result.crystal.model_copy(update={"indexed_fraction": None})
    assert "lattice" not in doubts_of(result.model_copy(update={"crystal": unknown}))

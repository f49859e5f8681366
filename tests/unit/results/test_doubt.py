"""What speaks against a result."""

from __future__ import annotations

import pytest

from beampace.core.verdict import Verdict
from beampace.results.build import build_result
from beampace.results.doubt import doubt_of
from beampace.results.statistics import statistics


@pytest.fixture
def result(dataset, ledger, record, synthetic):
    verdict = Verdict("merged", "", "")
    found = statistics(synthetic("P 43 21 2"))
    return build_result("process", dataset, ledger, None, record, verdict, statistics=found)


def changed(result, part: str, **values):
    found = result.statistics
    where = found.shells[0] if part == "inner" else found.overall
    new = where.model_copy(update=values)
    update = {"shells": (new, *found.shells[1:])} if part == "inner" else {"overall": new}
    return result.model_copy(update={"statistics": found.model_copy(update=update)})


def test_nothing_speaks_against_good_data(result):
    assert doubt_of(result) == ""
    assert doubt_of(result.model_copy(update={"statistics": None})) == ""


@pytest.mark.parametrize(
    ("part", "values", "words"),
    [
        ("overall", {"cc_half_significant": False}, "half data sets do not agree significantly"),
        ("overall", {"cc_half_significant": False, "n_repeated": 5}, ""),
        ("overall", {"cc_half_significant": None}, ""),
        ("inner", {"cc_half": 0.9}, "CC1/2 is only 0.90 even at low resolution"),
        ("inner", {"cc_half": None}, ""),
    ],
)
def test_data_that_do_not_agree(result, part, values, words):
    assert doubt_of(changed(result, part, **values)) == words


def test_a_lattice_that_explains_little(result):
    crystal = result.crystal.model_copy(update={"indexed_fraction": 0.3})
    said = doubt_of(result.model_copy(update={"crystal": crystal}))
    assert said == "the lattice explains only 30 % of the spots"

"""Two results side by side: whether they say the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from beampace.results import Result
from beampace.results.schema import Asked
from beampace.store import open_ledger
from beampace.web.compare import agreement_words
from tests.support.catalogue import LYSO, THAU, Catalogued, catalogued, merged, plain


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Catalogued]:
    (tmp_path / "state").mkdir()
    ledger = open_ledger(tmp_path / "state")
    yield catalogued(ledger, tmp_path / "beamtime")
    ledger.close()


def result(
    made: Catalogued, engine: str, crystal=LYSO, d_min: float = 1.4, asked: Asked | None = None
) -> Result:
    return merged(made, "lyso_001", engine, crystal, d_min, asked=asked)


def test_what_engines_found_is_compared(made: Catalogued):
    assert agreement_words(result(made, "dials"), result(made, "xds")) == "dials and xds agree."
    words = agreement_words(result(made, "dials"), result(made, "dials", THAU))
    assert words.startswith("The cells differ: dials (first) ")
    words = agreement_words(result(made, "dials"), result(made, "xds", d_min=2.0))
    assert words.endswith("dials goes to 1.40 Å, xds to 2.00 Å.")


def test_what_somebody_asked_for_is_not_what_an_engine_found(made: Catalogued):
    told = result(made, "xds", ("P 4", LYSO[1]), asked=Asked(space_group="P 4"))
    assert agreement_words(result(made, "dials"), told) == ""
    assert agreement_words(told, told) == ""
    cut = result(made, "xds", d_min=2.0, asked=Asked(d_min=2.0))
    assert agreement_words(result(made, "dials"), cut) == "dials and xds agree."


def test_without_a_crystal_nothing_is_said(made: Catalogued):
    none = plain(made, "lyso_001", "process", "not_indexed", "", "", engine="xds")
    assert agreement_words(result(made, "dials"), none) == ""

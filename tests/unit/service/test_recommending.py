"""From the ledger's results to the choice: what engines say and what was told them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from beampace.core.work import WorkName
from beampace.results.recommend import Choice, recommend
from beampace.results.schema import Asked
from beampace.results.shown import summary_of
from beampace.store import Ledger, open_ledger
from beampace.web.lines.candidates import candidate_of
from tests.support.catalogue import LYSO, Catalogued, catalogued, merged


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Catalogued]:
    (tmp_path / "state").mkdir()
    ledger: Ledger = open_ledger(tmp_path / "state")
    yield catalogued(ledger, tmp_path / "beamtime")
    ledger.close()


def chosen(made: Catalogued, name: str) -> Choice:
    rows = made.ledger.results(dataset=made.datasets[name])
    choice = recommend(map(candidate_of, rows), ("dials",))
    assert choice is not None
    return choice


def test_engines_of_the_ledger_are_compared(made: Catalogued) -> None:
    choice = chosen(made, "thau_002")
    assert [one.engine for one in choice.compared] == ["dials", "fast"]
    assert choice.agreed.words.startswith("dials finds Laue group 4/mmm, fast mmm")
    assert choice.agreed.words in choice.reason
    assert chosen(made, "lyso_001").agreed.words == "dials and xds agree."


def test_what_was_asked_for_is_kept(made: Catalogued) -> None:
    asked = merged(made, "lyso_001", "xds", LYSO, 1.8, asked=Asked(space_group="P 4", d_min=1.8))
    assert summary_of(asked)["asked"] == ["space_group", "d_min"]
    row = made.finish("lyso_001", WorkName.PROCESS, "fast", asked)
    said = candidate_of(row).said
    assert said is not None
    assert (said.space_groups, said.cell, said.d_min) == ((), (), None)
    assert "asked" not in summary_of(merged(made, "lyso_001", "xds", LYSO, 1.8))


def test_the_kind_of_an_r_value_goes_with_the_result(made: Catalogued) -> None:
    found = merged(made, "lyso_001", "fast", LYSO, 1.5)
    assert found.statistics is not None and "friedel_apart" not in summary_of(found)
    statistics = found.statistics.model_copy(update={"friedel_apart": True})
    row = made.finish(
        "lyso_001", WorkName.PROCESS, "fast", found.model_copy(update={"statistics": statistics})
    )
    assert candidate_of(row).friedel_apart


def test_a_doubt_goes_with_the_result(made: Catalogued) -> None:
    found = merged(made, "lyso_001", "dials", LYSO, 1.3)
    assert found.crystal is not None
    crystal = found.crystal.model_copy(update={"indexed_fraction": 0.2})
    row = made.finish("lyso_001", WorkName.PROCESS, "dials", found.model_copy(update={"crystal": crystal}))
    assert candidate_of(row).doubt == "the lattice explains only 20 % of the spots"
    assert list(candidate_of(row).doubts) == ["signal", "low_resolution", "lattice"]
    assert chosen(made, "lyso_001").result.name == "process_001"  # though it reaches less far

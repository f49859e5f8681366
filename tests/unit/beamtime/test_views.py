"""The mapper between path views."""

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beampace.beamtime import OpenBeamtime, PathViews, View, parse_metadata, views_of
from beampace.core.errors import InputError
from tests.support.properties import patient

VIEWS = PathViews(
    {
        View.BEAMLINE: (PurePosixPath("/gpfs/current"),),
        View.NODE: (PurePosixPath("/beamline/p11/current"),),
        View.CORE: (PurePosixPath("/asap3/petra3/gpfs/p11/2022/data/11010000"),),
    }
)
PART = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)), min_size=1).filter(
    lambda name: name not in (".", "..")
)


@patient
@given(st.lists(PART, max_size=5), st.sampled_from(View), st.sampled_from(View))
def test_there_and_back_is_the_same_place(parts: list[str], start: View, to: View) -> None:
    path = VIEWS.roots[start][0].joinpath(*parts)
    there = VIEWS.convert(path, to)
    assert VIEWS.view_of(there) is to
    assert there.relative_to(VIEWS.roots[to][0]) == PurePosixPath(*parts)
    assert VIEWS.convert(there, start) == path


@pytest.mark.parametrize(
    ("path", "to", "there"),
    [
        ("/gpfs/current/raw/a", View.NODE, "/beamline/p11/current/raw/a"),
        ("/gpfs/current/raw/gpfs/current", View.NODE, "/beamline/p11/current/raw/gpfs/current"),
        ("/beamline/p11/current/processed", View.BEAMLINE, "/gpfs/current/processed"),
        ("/gpfs/current", View.CORE, "/asap3/petra3/gpfs/p11/2022/data/11010000"),
    ],
)
def test_places_of_the_reference(path: str, to: View, there: str) -> None:
    assert str(VIEWS.convert(Path(path), to)) == there


@pytest.mark.parametrize(
    "path",
    [
        "/gpfs/current2/raw",
        "/gpfs/currents",
        "/gpfs",
        "/gpfs/current/../local/x",
        "/gpfs/current/raw/..",
        "gpfs/current/raw",
        "/beamline/p09/current",
        "",
    ],
)
@pytest.mark.parametrize("to", View)
def test_what_lies_in_no_view_is_refused(path: str, to: View) -> None:
    with pytest.raises(InputError, match="bad_request"):
        VIEWS.convert(PurePosixPath(path), to)


def test_a_view_the_beamtime_does_not_have_is_refused() -> None:
    views = views_of(OpenBeamtime.at("x", Path("/data/x")))
    assert views.convert(Path("/data/x/raw"), View.BEAMLINE) == PurePosixPath("/data/x/raw")
    with pytest.raises(InputError, match="core view"):
        views.convert(Path("/data/x/raw"), View.CORE)


def test_both_names_of_the_root_are_understood_and_the_configured_one_is_given() -> None:
    content = b'{"beamtimeId": "1", "beamline": "P11", "corePath": "/asap3/x"}'
    metadata = parse_metadata(content, Path("m.json"))
    root = Path("/gpfs/bl/1")
    beamtime = OpenBeamtime(
        "1",
        root,
        root / "raw",
        root / "processed",
        metadata=metadata,
        core_path=metadata.core_path,
        entrance=Path("/gpfs/commissioning"),
    )
    views = views_of(beamtime)
    assert views.convert(Path("/gpfs/bl/1/raw"), View.NODE) == PurePosixPath(
        "/beamline/p11/commissioning/raw"
    )
    assert views.convert(PurePosixPath("/asap3/x/raw"), View.BEAMLINE) == PurePosixPath(
        "/gpfs/commissioning/raw"
    )
    assert views.view_of(Path("/gpfs/commissioning/raw")) is View.BEAMLINE


def test_the_longer_root_decides() -> None:
    views = PathViews({View.BEAMLINE: (PurePosixPath("/a"),), View.CORE: (PurePosixPath("/a/b"),)})
    assert views.view_of(PurePosixPath("/a/b/c")) is View.CORE
    assert views.view_of(PurePosixPath("/a/bc")) is View.BEAMLINE

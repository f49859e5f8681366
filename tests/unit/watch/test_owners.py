"""Which path stands for a dataset."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from beampace.core.dataset import DatasetKind
from beampace.core.sighting import FilesSeen, Sighting
from beampace.watch.owners import Owners


def sighting(path: str, identity: str = "d", n_files: int = 2) -> Sighting:
    return Sighting(identity, path, "p", "n", DatasetKind.ROTATION, "", 20, n_files=n_files)


class Tree:
    """Data files per master."""

    def __init__(self, **files: int) -> None:
        self.files = {f"/{name}": n for name, n in files.items()}

    def __call__(self, path: str) -> FilesSeen | None:
        n = self.files.get(path)
        return None if n is None else FilesSeen(path, n, 0, 0.0, "")


def test_a_copy_is_no_dataset_of_its_own() -> None:
    owners, tree = Owners(), Tree(a=2, b=2)
    assert owners.seen(sighting("/a"), tree) == (sighting("/a"),)
    assert owners.seen(sighting("/b"), tree) == ()
    assert owners.owns("/a")
    assert not owners.owns("/b")
    assert [t.where for t in owners.troubles()] == ["/b"]
    assert owners.seen(sighting("/a"), tree) == (sighting("/a"),), "read again"


def test_a_series_id_used_twice_is_told_as_such() -> None:
    owners, tree = Owners(), Tree(a=2, b=2)
    for minute, path in enumerate(("/a", "/b")):
        owners.seen(replace(sighting(path), collected=datetime(2026, 5, 4, 3, minute, tzinfo=UTC)), tree)
    (trouble,) = owners.troubles()
    assert trouble.where == "/b"
    assert "another time" in trouble.words


def test_the_copy_stands_in_when_the_original_goes() -> None:
    owners, tree = Owners(), Tree(a=2, b=2)
    owners.seen(sighting("/a"), tree)
    owners.seen(sighting("/b"), tree)
    del tree.files["/a"]
    assert owners.gone("/a", tree) == (sighting("/b"),)
    assert owners.owns("/b")
    assert not list(owners.troubles())
    assert owners.gone("/b", tree) == ()
    assert owners.seen(sighting("/b"), tree) == (sighting("/b"),)


def test_the_one_with_data_files_wins() -> None:
    owners, tree = Owners(), Tree(a=0, b=0)
    owners.seen(sighting("/a"), tree)
    assert owners.seen(sighting("/b"), tree) == ()
    tree.files["/b"] = 1
    assert owners.changed("/b", tree) == (sighting("/b"),)
    tree.files["/a"] = 2
    assert owners.changed("/a", tree) == (), "the one so far keeps it"
    assert owners.owns("/b")


def test_frames_inside_the_master_need_no_data_files() -> None:
    owners, tree = Owners(), Tree(a=0, b=5)
    owners.seen(sighting("/a", n_files=0), tree)
    assert owners.seen(sighting("/b"), tree) == ()


def test_another_series_at_the_same_path_is_another_dataset() -> None:
    owners, tree = Owners(), Tree(a=2)
    owners.seen(sighting("/a", "one"), tree)
    assert owners.seen(sighting("/a", "two"), tree) == (sighting("/a", "two"),)
    assert owners.owner_of("one") == ""
    assert owners.owner_of("two") == "/a"


def test_another_series_over_an_original_leaves_the_dataset_to_its_copy() -> None:
    owners, tree = Owners(), Tree(a=2, b=2)
    owners.seen(sighting("/a", "one"), tree)
    owners.seen(sighting("/b", "one"), tree)
    assert owners.seen(sighting("/a", "two"), tree) == (sighting("/b", "one"), sighting("/a", "two"))

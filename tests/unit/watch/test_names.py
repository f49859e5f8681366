"""Both naming schemes."""

from pathlib import PurePosixPath

import pytest

from beampace.watch.names import data_prefix, is_plain, master_prefix, named, spelt


@pytest.mark.parametrize(
    ("path", "sample", "run", "run_type", "scheme"),
    [
        ("lyso/rotational_001/lyso_rotational_001_master.h5", "lyso", 1, "rotational", "CrystalControl"),
        ("lyso/screening_012/lyso_screening_012_master.h5", "lyso", 12, "screening", "CrystalControl"),
        ("a/b/thau_2/grid_003/thau_2_grid_003_master.h5", "thau_2", 3, "grid", "CrystalControl"),
        ("x/ismo_001/x_ismo_001_master.h5", "x", 1, "ismo", "CrystalControl"),
        ("lyso/rotational_002/lyso_2_master.h5", "lyso", 2, "rotational", "MXCuBE"),
        ("p_x/screening_010/p_x_10_master.h5", "p_x", 10, "screening", "MXCuBE"),
        ("lyso/rotational_002/other_master.h5", "other", 2, "rotational", ""),
        ("somewhere/thing_master.h5", "thing", None, "", ""),
        ("-rf_1_master.h5", "-rf", 1, "", "MXCuBE"),
    ],
)
def test_sample_and_run(path: str, sample: str, run: int | None, run_type: str, scheme: str) -> None:
    found = named(PurePosixPath("/raw") / path)
    assert (found.sample, found.run, found.run_type, found.scheme) == (sample, run, run_type, scheme)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("lyso_1_master.h5", "lyso_1"),
        (".lyso_1_master.h5", ""),
        ("lyso_1_master.h5.part", ""),
        ("_master.h5", ""),
        ("master.h5", ""),
        ("lyso_1_master.h5x", ""),
        ("lyso_1_master.h5\n", ""),
        ("lyso_1_data_000001_master.h5", "lyso_1_data_000001"),
    ],
)
def test_masters(name: str, prefix: str) -> None:
    assert master_prefix(name) == prefix


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("lyso_1_data_000001.h5", "lyso_1"),
        ("lyso_1_1_data_000001.h5", "lyso_1_1"),
        ("lyso_10_data_000001.h5", "lyso_10"),
        ("lyso_1_data_x.h5", ""),
        (".lyso_1_data_000001.h5", ""),
        ("lyso_1_data_000001.h5.part", ""),
        ("lyso_1_master.h5", ""),
    ],
)
def test_data_files(name: str, prefix: str) -> None:
    assert data_prefix(name) == prefix


@pytest.mark.parametrize(
    "name", ["a\nb", "a\0b", "a\x1b[2J", b"\xff".decode("utf-8", "surrogateescape"), "x" * 201]
)
def test_names_that_cannot_be_handed_on(name: str) -> None:
    assert not is_plain(name)
    assert spelt(f"/raw/{name}").isprintable()


def test_spelt_leaves_ordinary_paths_alone() -> None:
    assert spelt("/raw/Müller/lyso 1") == "/raw/Müller/lyso 1"

"""Options of `beampace strategy`."""

from pathlib import Path

import pytest

from beampace.cli.strategy import StrategyAsked, options_of, parse_beam
from beampace.core.errors import InputError
from beampace.core.limits import Limits

MASTER = Path("shots_master.h5")


def asked(config: Path | None = None, flux: float | None = None, beam: str | None = None) -> StrategyAsked:
    return StrategyAsked(
        masters=(MASTER,),
        completeness=0.99,
        multiplicity=None,
        i_over_sigma=2.0,
        d_min=None,
        anomalous=False,
        transmission=None,
        flux=flux,
        beam_um=beam,
        unit_cell=None,
        space_group=None,
        out=None,
        quiet=None,
        config=config,
    )


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.delenv("BEAMPACE_CONFIG", raising=False)
    file = tmp_path / "beampace.toml"
    file.write_text(
        "[cluster]\ncores = 4\n[beamline]\nshortest_s = 0.02\nmax_rate = 50\ndistance_mm = [120, 900]\n"
        "spindle_deg = [-90, 270]\nflux = 2e12\nbeam_um = [20, 10]\n"
    )
    return file


def test_the_limits_of_the_beamline_are_configured(config):
    wishes = options_of(asked(config)).wishes
    limits = Limits(shortest_s=0.02, max_rate=50, distance_mm=(120, 900), spindle_deg=(-90, 270))
    assert wishes.limits == limits
    assert (wishes.flux, wishes.beam_um) == (2e12, (20, 10))


def test_what_is_typed_goes_before_what_is_configured(config):
    wishes = options_of(asked(config, flux=1e11, beam="50x50")).wishes
    assert (wishes.flux, wishes.beam_um) == (1e11, (50, 50))


def test_the_configuration_of_the_environment_counts_here_too(config, monkeypatch):
    monkeypatch.setenv("BEAMPACE_CONFIG", str(config))
    monkeypatch.setenv("BEAMPACE_BEAMLINE__MAX_SPEED", "30")
    limits = options_of(asked()).wishes.limits
    assert (limits.max_rate, limits.max_speed) == (50, 30)


def test_without_a_configuration_the_limits_are_the_usual_ones(monkeypatch):
    monkeypatch.delenv("BEAMPACE_CONFIG", raising=False)
    wishes = options_of(asked()).wishes
    assert (wishes.limits, wishes.flux, wishes.beam_um) == (Limits(), None, (50, 50))


def test_a_key_that_is_wrong_is_named(tmp_path):
    file = tmp_path / "beampace.toml"
    file.write_text("[beamline]\ndistance = [100, 900]\n")
    with pytest.raises(InputError, match=r"is beamline\.distance_mm meant"):
        options_of(asked(file))


def test_the_size_of_the_beam():
    assert parse_beam("50x20") == (50.0, 20.0)
    assert parse_beam("7.5X4") == (7.5, 4.0)


@pytest.mark.parametrize("text", ["", "50", "50x", "0x20", "-5x5", "infx50", "nanx50", "axb", "1x2x3"])
def test_no_size_of_a_beam(text):
    with pytest.raises(InputError, match="--beam"):
        parse_beam(text)

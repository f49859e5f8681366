"""Options of `beampace strategy`."""

import pytest

from beampace.cli.strategy import parse_beam
from beampace.core.errors import InputError


def test_the_size_of_the_beam():
    assert parse_beam("50x20") == (50.0, 20.0)
    assert parse_beam("7.5X4") == (7.5, 4.0)


@pytest.mark.parametrize("text", ["", "50", "50x", "0x20", "-5x5", "infx50", "nanx50", "axb", "1x2x3"])
def test_no_size_of_a_beam(text):
    with pytest.raises(InputError, match="--beam"):
        parse_beam(text)

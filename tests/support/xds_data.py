"""Real output of XDS, and what its parsers must withstand."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beampace.engines.xds.lp_text import LpError

XDS = Path(__file__).parents[3] / "shared" / "data" / "xds"
X828 = "ccp4i2_x828/nt5073v16_xBAZ2BAx8281"

Parser = Callable[[str], Any]


def real(*names: str) -> Any:
    """Parametrize over real files as `name`, read by `xds_text`."""
    marks = [pytest.mark.real, pytest.mark.skipif(not XDS.is_dir(), reason=f"no XDS output at {XDS}")]
    return pytest.mark.parametrize("name", [pytest.param(name, marks=marks) for name in names])


def xds_text(name: str) -> str:
    """Text of a real file."""
    return (XDS / name).read_text(encoding="latin1")


def withstands_cuts(parse: Parser, text: str, count: int = 80) -> int:
    """Cut `text` at many places: the parser refuses, or agrees with all of it. How often it refused."""
    full, pick = parse(text), random.Random(len(text))
    cuts = {pick.randrange(len(text)) for _ in range(count)} | {len(text) * n // count for n in range(count)}
    return sum(_refuses(parse, text[:cut], full) for cut in sorted(cuts))


def withstands_mangling(
    parse: Parser, text: str, count: int = 300, skip: tuple[str, ...] = ("VERSION", "!!!")
) -> int:
    """Put rubbish in place of digits, except in lines with one of `skip`. How often the parser refused."""
    full, pick = parse(text), random.Random(len(text))
    digits = [place for place, letter in enumerate(text) if letter.isdigit()]
    refused = 0
    for place in pick.sample(digits, min(count, len(digits))):
        begin, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
        if not any(word in text[begin:end] for word in skip):
            refused += _refuses(parse, text[:place] + pick.choice("x#") + text[place + 1 :], full)
    return refused


def _refuses(parse: Parser, text: str, full: Any) -> bool:
    try:
        part = parse(text)
    except LpError:
        return True
    for field in dataclasses.fields(full):
        mine, whole = getattr(part, field.name), getattr(full, field.name)
        assert agrees(mine, whole), f"{field.name}: {mine} and not {whole}"
    return False


def agrees(mine: Any, whole: Any) -> bool:
    """Whether `mine` is `whole`, or nothing, or only the beginning of it."""
    if mine is None or mine is False or mine == whole:
        return True
    if isinstance(mine, str):
        return isinstance(whole, str) and whole.startswith(mine)
    if isinstance(mine, tuple) and isinstance(whole, tuple):
        return len(mine) <= len(whole) and all(agrees(*pair) for pair in zip(mine, whole, strict=False))
    if dataclasses.is_dataclass(mine) and type(mine) is type(whole):
        names = [field.name for field in dataclasses.fields(mine)]
        return all(agrees(getattr(mine, name), getattr(whole, name)) for name in names)
    return False

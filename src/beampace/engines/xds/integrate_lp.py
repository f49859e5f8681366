"""INTEGRATE.LP: what each image gave, and how the geometry moved from batch to batch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from beampace.core.geometry import Vec3
from beampace.engines.xds.lp_text import (
    LpError,
    ended,
    find,
    find_last,
    notices,
    number,
    numbers,
    optional,
    whole_lines,
)
from beampace.engines.xds.parameters import Parameters, parse_parameters

LOG = "INTEGRATE.LP"
COLUMNS = ("IMAGE", "IER", "SCALE", "NBKG", "NOVL", "NEWALD", "NSTRONG", "NREJ", "SIGMAB", "SIGMAR")

_BATCH = re.compile(r"PROCESSING OF IMAGES\s+(\d+)\s+\.\.\.\s*(\d+)\s*$")
_ACCEPTED = re.compile(r"^\s*(\d+)\s+OUT OF\s+(\d+)\s+REFLECTIONS ACCEPTED FOR REFINEMENT")
_SUGGESTED = re.compile(r"([A-Z_.]+)=\s*(\S+)")


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image; None in a column that overflowed or that is not printed for an image which cannot be read.

    Attributes:
        image: number of the image.
        ier: 0, or an error: -1 cannot be opened or read, -3 wrong format.
        scale: factor by which its background is scaled.
        nbkg: background pixels.
        novl: overloaded reflections.
        newald: reflections close to the Ewald sphere.
        nstrong: strong reflections.
        nrej: unexpected reflections.
        sigmab: standard deviation of the beam divergence, degrees.
        sigmar: standard deviation of the reflecting range (mosaicity), degrees.
    """

    image: int
    ier: int
    scale: float | None = None
    nbkg: int | None = None
    novl: int | None = None
    newald: int | None = None
    nstrong: int | None = None
    nrej: int | None = None
    sigmab: float | None = None
    sigmar: float | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch of images with its refinement.

    Attributes:
        first: first image.
        last: last image.
        n_accepted: strong reflections used in the refinement.
        n_total: out of how many.
        parameters: as refined.
        rotation_off: turn of the crystal since the start, axis times angle, degrees; None where not printed.
    """

    first: int
    last: int
    n_accepted: int
    n_total: int
    parameters: Parameters
    rotation_off: Vec3 | None


@dataclass(frozen=True, slots=True)
class SpotSize:
    """Size of spots for another pass of integration, degrees.

    Attributes:
        beam_divergence: BEAM_DIVERGENCE=.
        beam_divergence_esd: BEAM_DIVERGENCE_E.S.D.=.
        reflecting_range: REFLECTING_RANGE=.
        reflecting_range_esd: REFLECTING_RANGE_E.S.D.=.
    """

    beam_divergence: float
    beam_divergence_esd: float
    reflecting_range: float
    reflecting_range_esd: float


@dataclass(frozen=True, slots=True)
class IntegrateLog:
    """What INTEGRATE did; the log of a running program gives the images and batches so far.

    Attributes:
        images: images, in the order printed.
        batches: batches whose refinement is printed.
        suggested: None until the program comes to its end.
        warnings: messages marked so.
        errors: messages marked so.
        ended: whether the program came to its end.
    """

    images: tuple[ImageRow, ...]
    batches: tuple[Batch, ...]
    suggested: SpotSize | None
    warnings: tuple[str, ...]
    errors: tuple[str, ...]
    ended: bool


def parse_integrate(text: str) -> IntegrateLog:
    """The record of an INTEGRATE.LP.

    Raises:
        LpError: not such a log, or a row or number in it is not understood.
    """
    lines = whole_lines(text)
    if not any("***** INTEGRATE *****" in line for line in lines):
        raise LpError(f"{LOG}: no '***** INTEGRATE *****'")
    images: list[ImageRow] = []
    batches: list[Batch] = []
    for first, last, block in _blocks(lines):
        images.extend(_images(block, (first, last)))
        batch = _batch(block, (first, last))
        if batch is not None:
            batches.append(batch)
    return IntegrateLog(
        images=tuple(images),
        batches=tuple(batches),
        suggested=_suggested(lines),
        warnings=notices(lines, "WARNING"),
        errors=notices(lines, "ERROR"),
        ended=ended(lines),
    )


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, int, Sequence[str]]]:
    """First and last image of each batch, and its lines."""
    starts = [n for n, line in enumerate(lines) if "PROCESSING OF IMAGES" in line]
    for start, end in pairwise([*starts, len(lines)]):
        match = _BATCH.search(lines[start])
        if match is None:
            raise LpError(f"{LOG}: not understood: {lines[start].strip()!r}")
        yield int(match[1]), int(match[2]), lines[start + 1 : end]


def _images(block: Sequence[str], images: tuple[int, int]) -> Iterator[ImageRow]:
    header = next((n for n, line in enumerate(block) if line.split() == list(COLUMNS)), None)
    if header is None:
        if any(line.split()[:2] == ["IMAGE", "IER"] for line in block):
            raise LpError(f"{LOG}: table of images has other columns than known")
        return
    ends = [match.end() for match in re.finditer(r"\S+", block[header])]
    for line in block[header + 1 :]:
        if "!!!" in line:
            continue
        if not line.strip():
            return
        row = _image(line, ends)
        if not images[0] <= row.image <= images[1]:
            raise LpError(f"{LOG}: image {row.image} among images {images[0]} to {images[1]}")
        yield row


def _image(line: str, ends: Sequence[int]) -> ImageRow:
    """A row; where columns run together, they end where the words of the header do."""
    words = line.split()
    if len(words) not in (2, len(COLUMNS)):
        words = [line[begin:end].strip() for begin, end in zip([0, *ends], ends, strict=False)]
        words[-1] += line[ends[-1] :].strip()
    try:
        image, ier = int(words[0]), int(words[1])
        values = [_cell(text, name) for text, name in zip(words[2:], COLUMNS[2:], strict=False)]
    except ValueError as error:
        raise LpError(f"{LOG}: row of an image not understood: {line.strip()!r}") from error
    return ImageRow(image, ier, *values)  # type: ignore[arg-type]


def _cell(text: str, name: str) -> int | float | None:
    if set(text) == {"*"} and len(text) > 1:
        return None
    return number(text) if name in ("SCALE", "SIGMAB", "SIGMAR") else int(text)


def _batch(block: Sequence[str], images: tuple[int, int]) -> Batch | None:
    """The refinement of a batch, None where there was none or it is not printed to its end yet."""
    start = find(block, "REFLECTIONS ACCEPTED FOR REFINEMENT")
    if start is None:
        return None
    end = next((n for n in range(start, len(block)) if not block[n].strip()), None)
    if end is None:
        return None
    match = _ACCEPTED.match(block[start])
    if match is None:
        raise LpError(f"{LOG}: not understood: {block[start].strip()!r}")
    lines = block[start:end]
    off = optional(lines, "CRYSTAL ROTATION OFF FROM INITIAL ORIENTATION")
    return Batch(
        *images,
        int(match[1]),
        int(match[2]),
        parse_parameters(lines, LOG),
        None if off is None else _vec(off),
    )


def _vec(text: str) -> Vec3:
    x, y, z = numbers(text, 3, 3)
    return (x, y, z)


def _suggested(lines: Sequence[str]) -> SpotSize | None:
    title = find_last(lines, "SUGGESTED VALUES FOR INPUT PARAMETERS")
    if title is None or title + 2 >= len(lines):
        return None
    found = dict(_SUGGESTED.findall(" ".join(lines[title + 1 : title + 3])))
    names = ("BEAM_DIVERGENCE", "BEAM_DIVERGENCE_E.S.D.", "REFLECTING_RANGE", "REFLECTING_RANGE_E.S.D.")
    if not all(name in found for name in names):
        raise LpError(f"{LOG}: 'SUGGESTED VALUES FOR INPUT PARAMETERS' not understood")
    return SpotSize(*(number(found[name]) for name in names))

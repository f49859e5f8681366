"""What is known of one frame: for the viewer."""

from __future__ import annotations

from beampace.web.answers import Told

Point = tuple[float, float]
Vector = tuple[float, float, float]


class GeometryInfo(Told):
    """Where the detector stands, enough to know the resolution of any pixel.

    Pixel coordinates count from the corner of the first pixel. The laboratory frame is imgCIF's.
    """

    origin: Vector
    """Corner of the first pixel, mm."""
    fast: Vector
    """Unit vector along a row."""
    slow: Vector
    """Unit vector along a column."""
    pixel_size: Point
    """mm."""
    beam: Vector
    """Unit vector along which photons travel."""
    wavelength: float
    """Angstrom."""


class RingInfo(Told):
    """A ring of equal resolution."""

    d: float
    """Angstrom."""
    lines: tuple[tuple[Point, ...], ...]
    """Polylines in pixels."""
    label: Point | None
    """Where to write `d`."""


class SpotColumns(Told):
    """Spots as columns of equal length, the strongest first."""

    x: tuple[float, ...] = ()
    """Pixels, along the fast axis."""
    y: tuple[float, ...] = ()
    """Pixels, along the slow axis."""
    intensity: tuple[float, ...] = ()
    """Counts above the local background."""
    good: tuple[bool, ...] = ()
    """Outside rings of ice and above the signal cut."""
    ice: tuple[bool, ...] = ()
    """In a ring of ice."""


class ContrastInfo(Told):
    """Limits of a picture in counts."""

    low: float
    """White."""
    high: float
    """Black."""


class FrameInfo(Told):
    """A frame and the geometry around it."""

    n_frames: int
    """Frames that were announced."""
    frame: int
    """Number, from 1."""
    ready: bool
    """Whether the frame can be read now."""
    words: str = ""
    """Why it cannot, as a sentence."""
    size: tuple[int, int]
    """Pixels (fast, slow)."""
    tile: int
    """Side of a tile, pixels."""
    levels: int
    """Levels of the pyramid of tiles: 0 is full resolution, each further one halves it."""
    masked: float = 0.0
    """Share of pixels that are not used."""
    angles: Point | None = None
    """Spindle at the beginning and at the end, degrees."""
    beam_centre: Point | None
    """Where the direct beam meets the plane of the detector, pixels, also beyond its edge."""
    corners: tuple[float, ...]
    """d at the corners, angstrom: upper left, upper right, lower left, lower right."""
    geometry: GeometryInfo
    rings: tuple[RingInfo, ...]
    ice_rings: tuple[RingInfo, ...] = ()
    """Rings of hexagonal ice."""
    contrast: ContrastInfo | None = None
    """Default limits at full resolution."""
    background: float | None = None
    """Counts per pixel."""
    d_min: float | None = None
    """Resolution estimate, angstrom."""
    n_spots: int = 0
    """Spots that stand by themselves."""
    n_spots_good: int = 0
    """Those outside rings of ice and above the signal cut."""
    spots: SpotColumns = SpotColumns()


class PredictionInfo(Told):
    """Reflections of a frame as a processed result predicts them."""

    frame: int
    """Number, from 1."""
    d_min: float
    """To this resolution, angstrom."""
    mosaicity: float
    """E.s.d. of the reflecting range, degrees."""
    x: tuple[float, ...]
    """Pixels."""
    y: tuple[float, ...]
    """Pixels."""
    h: tuple[int, ...]
    k: tuple[int, ...]
    l: tuple[int, ...]  # noqa: E741 - what it is called
    full: tuple[bool, ...]
    """Whether the crossing itself lies within the frame."""

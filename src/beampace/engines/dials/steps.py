"""Arguments of each DIALS program for a request; pure."""

from __future__ import annotations

from collections.abc import Iterable

import gemmi

from beampace.core.engine import Request, Tweak

FAST_INDEXING_FROM_DEG = 5.0
FAST_INDEXING_FROM_SPOTS = 300
SCAN_VARYING_FROM_DEG = 5.0

FAST_INDEXING = (
    "indexing.method=fft1d",
    "basis_vector_combinations.max_combinations=10",
    "basis_vector_combinations.max_refine=5",
    "refinement.reflections.reflections_per_degree=20",
)
SMALL_INDEXING = ("indexing.method=fft3d", "basis_vector_combinations.max_refine=10")
THOROUGH_INDEXING = ("indexing.method=fft3d",)
"""As DIALS does by itself: 50 candidate lattices are refined, at about half a second each."""


def degrees(request: Request) -> float:
    """Rotation the request covers, degrees."""
    return abs(request.dataset.scan.width) * request.n_frames


def find_spots(request: Request) -> tuple[str, ...]:
    """Arguments of dials.find_spots."""
    limit = (f"spotfinder.filter.d_min={request.d_min:g}",) if request.d_min else ()
    return ("spotfinder.threshold.algorithm=dispersion", *limit)


def index(request: Request, n_spots: int) -> tuple[str, ...]:
    """Arguments of dials.index: the quickest method that is reliable, DIALS's own at the second try."""
    quick = degrees(request) >= FAST_INDEXING_FROM_DEG and n_spots >= FAST_INDEXING_FROM_SPOTS
    method: tuple[str, ...] = FAST_INDEXING if quick else SMALL_INDEXING
    if Tweak.OTHER_INDEXING in request.tweaks:
        method = THOROUGH_INDEXING
    static = "refinement.parameterisation.scan_varying=False"
    return (*method, static, *held(request), *known_symmetry(request))


def held(request: Request) -> tuple[str, ...]:
    """A distance that comes from the known cell stays: a short sweep cannot tell one from the other."""
    if Tweak.KNOWN_DISTANCE not in request.tweaks:
        return ()
    return ("refinement.parameterisation.detector.fix_list=Dist",)


def known_symmetry(request: Request) -> tuple[str, ...]:
    """What the user knows, for dials.index; a cell alone only when a first try failed without it."""
    use_cell = request.unit_cell and (request.space_group or Tweak.KNOWN_CELL in request.tweaks)
    known = []
    if request.space_group:
        known.append(f"indexing.known_symmetry.space_group={plain(request.space_group)}")
    if use_cell and request.unit_cell:
        cell = ",".join(f"{value:g}" for value in request.unit_cell.parameters)
        known.append(f"indexing.known_symmetry.unit_cell={cell}")
    if request.unit_cell:
        known.append(f"indexing.max_cell={1.5 * max(request.unit_cell.parameters[:3]):.0f}")
    return tuple(known)


def refine(request: Request) -> tuple[str, ...]:
    """Arguments of dials.refine; a crystal drifts over a long sweep, a short one cannot tell."""
    if degrees(request) < SCAN_VARYING_FROM_DEG:
        return ("refinement.parameterisation.scan_varying=False", *held(request))
    return (
        *held(request),
        "refinement.parameterisation.scan_varying=True",
        "refinement.reflections.outlier.algorithm=tukey",
        # The same deviations from a fifth of the reflections, in a fifth of the time.
        "refinement.reflections.reflections_per_degree=20",
    )


def integrate(request: Request) -> tuple[str, ...]:
    """Arguments of dials.integrate."""
    # The correlation with the truth stays, a tenth of the time goes (docs/performance.md).
    options = ["profile.gaussian_rs.fitting.grid_size=4"]
    if request.tweaks & {Tweak.SMALL_SWEEP, Tweak.SUMMATION_ONLY}:
        options += ["profile.gaussian_rs.min_spots.overall=0", "profile.gaussian_rs.min_spots.per_degree=0"]
    if Tweak.SUMMATION_ONLY in request.tweaks:
        options.append("integration.profile.fitting=False")
    if request.d_min:
        options.append(f"prediction.d_min={request.d_min:g}")
    return tuple(options)


def symmetry() -> tuple[str, ...]:
    """Arguments of dials.symmetry; screw axes are weighed by `absences`, not here."""
    return ("systematic_absences.check=False", "output.html=None", "output.json=symmetry.json")


def scale(request: Request) -> tuple[str, ...]:
    """Arguments of dials.scale."""
    intensities = ("intensity_choice=sum",) if Tweak.SUMMATION_ONLY in request.tweaks else ()
    # The rounds with a full matrix change no intensity and take a third of the time; 20,000 reflections tell
    # some dozens of parameters as well as 50,000 (docs/performance.md).
    quick = ("full_matrix=False", "reflection_selection.random.min_reflections=20000")
    limit = (f"cut_data.d_min={request.d_min:.3f}",) if request.d_min else ()
    return ("output.html=None", *quick, *intensities, *limit)


def merge(d_min: float | None) -> tuple[str, ...]:
    """Arguments of dials.merge."""
    limit = (f"d_min={d_min:.3f}",) if d_min else ()
    return ("output.html=None", "output.mtz=merged.mtz", "assess_space_group=False", *limit)


def export(d_min: float | None) -> tuple[str, ...]:
    """Arguments of dials.export: scaled observations, not merged."""
    limit = (f"mtz.d_min={d_min:.3f}",) if d_min else ()
    return ("format=mtz", "intensity=scale", "mtz.hklout=unmerged.mtz", *limit)


def plain(symbol: str) -> str:
    """A space group symbol without blanks, as DIALS takes it; the symbol is checked, not passed on."""
    group = gemmi.find_spacegroup_by_name(symbol)
    if group is None:
        raise ValueError(f"there is no space group {symbol!r}")
    # gemmi marks "no extension" by a null character.
    extension = str(group.ext).strip("\0 ")
    return str(group.hm).replace(" ", "") + (f":{extension}" if extension else "")


def words(arguments: Iterable[str]) -> str:
    """Arguments as one line for a log."""
    return " ".join(arguments)

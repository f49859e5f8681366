"""What all frames of a dataset share: usable pixels, thresholds, bins. Made once, read by every thread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from beampace.analysis.geometry import RadialBins, radial_bins
from beampace.analysis.poisson import ThresholdTable
from beampace.analysis.radial import ice_ring_bins
from beampace.core.errors import failure
from beampace.core.geometry import Beam, Detector
from beampace.core.taxonomy import Failure


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds of the look.

    A spot is *counted* in its frame when it stands by itself; weaker groups, down to one strong pixel, are
    kept as candidates for reflections that go on in the next frame.

    Attributes:
        seed_probability: Poisson tail probability of a pixel at which a group may begin.
        count_probability: the same for the highest pixel of a counted spot.
        growth_probability: the same for the other pixels of a group.
        clip_probability: counts less probable than this are left out of the background.
        fewest_pixels: of a counted spot; most_pixels: of any spot.
        counted_sigma: least signal of a counted spot in standard deviations of its background.
        candidate_sigma: the same for a candidate.
        good_sigma: least signal of a good spot in its own standard deviations (the signal cut).
        sampling: every n-th row and column goes into the radial profile.
        most_spots: groups of one frame that are kept.
    """

    seed_probability: float = 1e-5
    count_probability: float = 2e-6
    growth_probability: float = 1e-2
    clip_probability: float = 1e-3
    fewest_pixels: int = 2
    most_pixels: int = 500
    counted_sigma: float = 4.0
    candidate_sigma: float = 3.0
    good_sigma: float = 5.0
    sampling: int = 4
    most_spots: int = 20000

    def tables(self) -> npt.NDArray[np.uint32]:
        """Threshold tables in the order the kernels expect (seed, growth, clip, count)."""
        order = (
            self.seed_probability,
            self.growth_probability,
            self.clip_probability,
            self.count_probability,
        )
        return np.stack([ThresholdTable.make(probability).counts for probability in order])

    def limits(self) -> npt.NDArray[np.float64]:
        """Limits in the order `find_spots` expects."""
        return np.array([self.fewest_pixels, self.most_pixels, self.counted_sigma, self.candidate_sigma])


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """Everything the analysis of a frame needs beside the frame.

    Attributes:
        detector, beam, settings: as given.
        valid: 1 where a pixel may be used, shape (slow, fast), uint8.
        n_valid: number of such pixels.
        tables: Poisson thresholds.
        bins: radial bins of the sampled pixels (hot pixels included: they are clipped).
        ice_bins: which bins lie in a ring of ice.
        hot: (y, x) of the pixels left out because they fire by themselves, shape (n, 2).
    """

    detector: Detector
    beam: Beam
    settings: Settings
    valid: npt.NDArray[np.uint8]
    n_valid: int
    tables: npt.NDArray[np.uint32]
    bins: RadialBins
    ice_bins: npt.NDArray[np.bool_]
    hot: npt.NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 2), np.int32))

    @classmethod
    def make(
        cls,
        detector: Detector,
        beam: Beam,
        mask: npt.NDArray[np.bool_] | None = None,
        settings: Settings | None = None,
    ) -> Setup:
        """Prepare a dataset.

        Args:
            detector: size, saturation and position.
            beam: wavelength and direction.
            mask: True where a pixel is not usable, shape (slow, fast); None when every pixel is.
            settings: thresholds; None for the defaults.

        Raises:
            InputError: `metadata_inconsistent`: the mask has another size than the detector, or leaves no
            pixel.
        """
        shape = (detector.image_size[1], detector.image_size[0])
        usable = np.ones(shape, np.bool_) if mask is None else _usable(mask, shape)
        chosen = settings or Settings()
        bins = radial_bins(detector, beam, usable, chosen.sampling)
        ice = ice_ring_bins(bins.n_bins)
        valid = usable.astype(np.uint8)
        return cls(detector, beam, chosen, valid, int(usable.sum()), chosen.tables(), bins, ice)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of a frame (slow, fast)."""
        return (self.valid.shape[0], self.valid.shape[1])

    def without(self, hot: Iterable[tuple[int, int]] | npt.NDArray[np.int32]) -> Setup:
        """The setup with pixels (y, x) left out because they fire by themselves."""
        pixels = np.array(hot if isinstance(hot, np.ndarray) else list(hot), np.int32).reshape(-1, 2)
        valid = self.valid.copy()
        valid[pixels[:, 0], pixels[:, 1]] = 0
        return replace(self, valid=valid, n_valid=int(valid.sum()), hot=pixels)


def _usable(mask: npt.NDArray[np.bool_], shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    if mask.shape != shape:
        raise failure(
            Failure.METADATA_INCONSISTENT,
            f"The pixel mask is {mask.shape}, the detector {shape} (slow, fast).",
        )
    usable = ~mask.astype(np.bool_)
    if not usable.any():
        raise failure(Failure.METADATA_INCONSISTENT, "The pixel mask leaves no usable pixel.")
    return usable

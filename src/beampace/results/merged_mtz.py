"""A merged MTZ file from scaled, unmerged observations."""

from __future__ import annotations

import gemmi
import numpy as np

from beampace.results.unmerged import Observations, observations

OF_MATES = (("I(+)", "K"), ("SIGI(+)", "M"), ("I(-)", "K"), ("SIGI(-)", "M"))
"""Columns of Friedel mates and their types."""


def merged_from(unmerged: gemmi.Mtz, name: str) -> gemmi.Mtz:
    """Means weighted by 1/sigma^2: IMEAN SIGIMEAN NOBS, and I(+) SIGI(+) I(-) SIGI(-).

    Systematic absences are left out. A centric reflection is its own Friedel mate and stands in I(+) alone,
    as in the files of DIALS. What was not observed is NaN, the mark of a missing number in such files.
    """
    observed = observations(unmerged, name)
    merged = _merged(observed, gemmi.DataType.Mean)
    _add_mates(merged, _merged(observed, gemmi.DataType.Anomalous))
    _name(merged.datasets[-1], unmerged.datasets[-1])
    return merged


def _merged(observed: Observations, kind: gemmi.DataType) -> gemmi.Mtz:
    intensities = gemmi.Intensities()
    intensities.set_data(observed.cell, observed.group, observed.hkl, observed.intensity, observed.sigma)
    intensities.sort()
    intensities.remove_systematic_absences()
    intensities.merge_in_place(kind)
    return intensities.prepare_merged_mtz(with_nobs=kind == gemmi.DataType.Mean)


def _add_mates(merged: gemmi.Mtz, mates: gemmi.Mtz) -> None:
    """Add the columns of Friedel mates; both files hold the same reflections in the same order."""
    if not np.array_equal(merged.make_miller_array(), mates.make_miller_array()):
        raise ValueError("reflections merged with and without Friedel's law are not the same")
    for label, kind in OF_MATES:
        values = mates.column_with_label(label).array
        merged.add_column(label, kind, dataset_id=merged.datasets[-1].id).array[:] = values


def _name(target: gemmi.Mtz.Dataset, source: gemmi.Mtz.Dataset) -> None:
    """The wavelength and the names of what was measured."""
    target.wavelength = source.wavelength
    target.project_name, target.crystal_name = source.project_name, source.crystal_name
    target.dataset_name = source.dataset_name

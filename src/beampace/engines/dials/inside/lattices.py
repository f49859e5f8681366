"""Lattices of a few test images by DIALS's indexer, without frames: spots in, orientation matrices out.

Each image is an experiment of its own with a scan of one frame; beam, detector and goniometer are shared, so
a lattice must explain the spots of all images, at whatever spindle angles they were taken.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from cctbx.crystal import symmetry
from cctbx.sgtbx import space_group
from cctbx.sgtbx.bravais_types import bravais_lattice
from cctbx.sgtbx.lattice_symmetry import metric_subgroups
from dials.array_family import flex
from dials.command_line.index import index, phil_scope
from dials.util.options import ArgumentParser
from dxtbx.imageset import ImageSetFactory
from dxtbx.model import Beam, Detector, Experiment, ExperimentList, Goniometer, Scan

from .tables import array, hkl, places

Answer = dict[str, Any]

MOST_MISSED = 3.0
"""Degrees by which a lattice may miss a symmetry that is still told of."""

COMMON = (
    "refinement.parameterisation.scan_varying=False",
    "refinement.parameterisation.detector.fix=all",
    "refinement.parameterisation.beam.fix=all",
    "refinement.reflections.outlier.algorithm=null",
    "indexing.joint_indexing=True",
    "output.log=None",
    "basis_vector_combinations.max_refine=5",
)
"""A few images cannot tell the geometry from the cell: only the crystal is refined."""


def answer(question: Path, to: Path) -> None:
    """Search for the lattice of a question (JSON) and write what was found."""
    to.write_text(json.dumps(_attempt(json.loads(question.read_text()))))


def _attempt(asked: dict[str, Any]) -> Answer:
    """One search; a lattice that was not found is an answer, with DIALS's reason."""
    experiments, reflections = _experiments(asked), _reflections(asked)
    parser = ArgumentParser(phil=phil_scope)
    parameters, _ = parser.parse_args([*COMMON, *asked["arguments"]], show_diff_phil=False)
    try:
        indexed, table = index(experiments, reflections, parameters)
    except Exception as error:  # noqa: BLE001 - DIALS has no common class for "no lattice"
        return {"failed": f"{error}".strip() or type(error).__name__}
    return _described(indexed, table, len(asked["images"]))


def _described(indexed: Any, table: Any, n_images: int) -> Answer:
    crystal = _primitive(indexed[0].crystal)
    explained = array(table.get_flags(table.flags.indexed)) & (hkl(table) != 0).any(axis=1)
    images = array(table["imageset_id"])
    return {
        "a_matrix": list(crystal.get_A()),
        "unit_cell": list(crystal.get_unit_cell().parameters()),
        "spots": np.bincount(images, minlength=n_images).tolist(),
        "indexed": np.bincount(images[explained], minlength=n_images).tolist(),
        "rmsd_px": _rmsd(table),
        "settings": _settings(crystal),
    }


def _primitive(crystal: Any) -> Any:
    """The crystal in P1: with a known cell DIALS ends in the setting of that, which may be centred."""
    to_primitive = crystal.get_space_group().info().change_of_basis_op_to_primitive_setting()
    turned = crystal.change_basis(to_primitive)
    turned.set_space_group(space_group("P 1"))
    return turned


def _rmsd(table: Any) -> float | None:
    """Root mean square distance of the spots the crystal was refined against, pixels."""
    used = array(table.get_flags(table.flags.used_in_refinement))
    if not used.any():
        return None
    away = array(table["xyzobs.px.value"]) - places(table)
    return float(np.sqrt((away[used, :2] ** 2).sum(axis=1).mean()))


def _settings(crystal: Any) -> list[Answer]:
    """What the lattice may be, the highest symmetry first, with the angle by which it misses it (Le Page)."""
    subgroups = metric_subgroups(symmetry(crystal.get_unit_cell(), "P1"), MOST_MISSED).result_groups
    found = [_setting(crystal, one) for one in subgroups]
    return sorted(found, key=lambda setting: -setting["order"])


def _setting(crystal: Any, subgroup: Any) -> Answer:
    group = subgroup["best_subsym"].space_group().build_derived_acentric_group()
    turned = crystal.change_basis(subgroup["cb_op_inp_best"])
    return {
        "bravais": str(bravais_lattice(group=group)),
        "space_group": str(group.type().lookup_symbol()),
        "order": group.order_p(),
        "unit_cell": list(subgroup["best_subsym"].unit_cell().parameters()),
        "a_matrix": list(turned.get_A()),
        "missed_deg": float(subgroup["max_angular_difference"]),
    }


def _experiments(asked: dict[str, Any]) -> ExperimentList:
    beam, detector = Beam.from_dict(asked["beam"]), Detector.from_dict(asked["detector"])
    goniometer = Goniometer.from_dict(asked["goniometer"])
    made = ExperimentList()
    for number, image in enumerate(asked["images"]):
        models = {
            "beam": beam,
            "detector": detector,
            "goniometer": goniometer,
            "scan": Scan((1, 1), (image["start"], image["width"])),
        }
        # The indexer wants an image sequence, whose frames it never reads.
        images = ImageSetFactory.make_sequence(f"shot_{number}_####.cbf", [1], check_format=False, **models)
        made.append(Experiment(imageset=images, identifier=str(number), **models))
    return made


def _reflections(asked: dict[str, Any]) -> list[Any]:
    """One table in a list: `index` would number the experiments of several anew."""
    whole = flex.reflection_table()
    for number, image in enumerate(asked["images"]):
        whole.extend(_table(image, number))
    return [whole]


def _table(image: dict[str, Any], number: int) -> Any:
    x, y = np.array(image["x"], float), np.array(image["y"], float)
    n = len(x)
    table = flex.reflection_table()
    table["id"] = flex.int(n, number)
    table["imageset_id"] = flex.int(n, number)
    table["panel"] = flex.size_t(n, 0)
    table["xyzobs.px.value"] = _vectors(np.column_stack([x, y, np.full(n, 0.5)]))
    variances = [np.array(image[name], float) for name in ("var_x", "var_y")]
    table["xyzobs.px.variance"] = _vectors(np.column_stack([*variances, np.full(n, 1 / 12)]))
    table["intensity.sum.value"] = flex.double(image["intensity"])
    table["intensity.sum.variance"] = flex.double(image["variance"])
    table["flags"] = flex.size_t(n, int(table.flags.strong))
    table.experiment_identifiers()[number] = str(number)
    return table


def _vectors(rows: Any) -> Any:
    return flex.vec3_double(rows.tolist())

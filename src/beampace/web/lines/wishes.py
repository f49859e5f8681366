"""What was asked for in a reprocessing, in words."""

from __future__ import annotations

from beampace.core.work import WorkClass
from beampace.results.summary import spacing
from beampace.store import JobRow


def wishes_words(job: JobRow | None) -> str:
    """Such as `frames 1 to 900, in P 43 21 2, cell 78.5 78.5 37.5 90 90 90, to 1.80 Å`; "" of other work."""
    if job is None or job.work_class is not WorkClass.RERUN:
        return ""
    return ", ".join(_parts(job)) or "the same again"


def _parts(job: JobRow) -> list[str]:
    options, found = job.options, []
    if images := options.get("images"):
        found.append(f"frames {images[0]} to {images[1]}")
    if space_group := options.get("space_group"):
        found.append(f"in {space_group}")
    if cell := options.get("unit_cell"):
        found.append(f"cell {' '.join(f'{value:g}' for value in cell)}")
    if d_min := options.get("d_min"):
        found.append(f"to {spacing(d_min)} Å")
    return found

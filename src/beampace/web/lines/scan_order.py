"""How a grid was scanned, in words."""

from __future__ import annotations

from beampace.results.map_schema import GridInfo

CORNERS = {
    "top_left": "upper left",
    "top_right": "upper right",
    "bottom_left": "lower left",
    "bottom_right": "lower right",
}


def order_words(grid: GridInfo) -> str:
    """Shape, order, and how well neighbouring lines agree in it."""
    kind = "Snake" if grid.snaked else "Raster"
    lines = "columns" if grid.vertical else "rows"
    begin = f"{kind} scan along {lines} from the {CORNERS.get(grid.corner, grid.corner)} corner"
    how = "as asked for" if grid.order_given else "as the data have it"
    if grid.correlation is None:
        return f"{begin}; whether the order is right cannot be said yet."
    other = "" if grid.correlation_other is None else f", {grid.correlation_other:.2f} in the other order"
    return f"{begin}, {how}: neighbouring lines correlate by {grid.correlation:.2f}{other}."

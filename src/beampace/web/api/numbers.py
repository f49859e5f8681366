"""Numbers of rows in addresses."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from beampace.store.columns import BIGGEST

Number = Annotated[int, Path(ge=1, le=BIGGEST, title="Number")]
"""The number of a dataset or a result; not above what a database can hold."""

"""Events in the ledger: appended, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from beampace.store.part import Part
from beampace.store.records import EventRow
from beampace.store.rows import event_of
from beampace.store.tables import events


class Events(Part):
    """Appending and following."""

    def append(self, topic: str, payload: Mapping[str, Any], beamtime: str = "", group: str = "") -> int:
        """Append an event of one's own; returns its id."""
        with self._write() as turn:
            values = {
                "at": turn.now,
                "topic": topic,
                "beamtime": beamtime,
                "group": group,
                "payload": dict(payload),
            }
            insert = events.insert().values(values).returning(events.c.id)
            return int(turn.connection.execute(insert).scalar_one())

    def events(
        self, after: int = 0, limit: int = 500, topic: str | None = None, beamtime: str | None = None
    ) -> tuple[EventRow, ...]:
        """Events with an id above `after`, in their order. Nothing with a lower id appears later."""
        query = select(events).where(events.c.id > after).order_by(events.c.id).limit(limit)
        if topic is not None:
            query = query.where(events.c.topic == topic)
        if beamtime is not None:
            query = query.where(events.c.beamtime == beamtime)
        with self._read() as connection:
            return tuple(event_of(row) for row in connection.execute(query).mappings())

    def last_event(self) -> int:
        """Id of the last event, 0 when there is none."""
        with self._read() as connection:
            return int(connection.execute(select(func.coalesce(func.max(events.c.id), 0))).scalar_one())

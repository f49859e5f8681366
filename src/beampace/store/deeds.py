"""The audit in the ledger: appended, never changed."""

from __future__ import annotations

from dataclasses import asdict, fields

from sqlalchemy import select

from beampace.store.access_records import AuditRow, Deed
from beampace.store.access_tables import audit
from beampace.store.part import Part


class Deeds(Part):
    """Writing down and reading what people did."""

    def write_down(self, deed: Deed) -> None:
        """Append a deed."""
        with self._write() as turn:
            turn.connection.execute(audit.insert().values(at=turn.now, **asdict(deed)))

    def deeds(self, beamtime: str | None = None, limit: int = 100) -> tuple[AuditRow, ...]:
        """What was done, the last first.

        Args:
            beamtime: only by people bound to this beamtime, and by staff; None for all.
            limit: most rows.
        """
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if beamtime is not None:
            query = query.where(audit.c.beamtime.in_((beamtime, "")))
        names = [field.name for field in fields(Deed)]
        with self._read() as connection:
            return tuple(
                AuditRow(row["id"], row["at"], Deed(**{name: row[name] for name in names}))
                for row in connection.execute(query).mappings()
            )

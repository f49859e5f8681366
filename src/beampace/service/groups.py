"""Whose a dataset is, as the configuration says."""

from __future__ import annotations

from dataclasses import dataclass

from beampace.beamtime import GroupTable, GroupTableFile, PathRule, assign
from beampace.core.sighting import Sighting, Trouble
from beampace.service.settings import GroupsSection


@dataclass(slots=True)
class Groups:
    """Finds the group of a dataset; the table is read again when it changed.

    Attributes:
        troubles: what is wrong with the table now.
        remark: what was set aside for the last dataset, or "".
    """

    rule: PathRule | None
    table: GroupTableFile | None
    default: str
    troubles: tuple[Trouble, ...] = ()
    remark: str = ""

    @classmethod
    def of(cls, section: GroupsSection) -> Groups:
        """From the configuration.

        Raises:
            InputError: the pattern is wrong (bad_request).
        """
        table = None if section.table is None else GroupTableFile(section.table)
        return cls(_rule_of(section), table, section.default)

    def of_sighting(self, sighting: Sighting) -> str:
        """The group of a dataset."""
        table: GroupTable | None = None
        if self.table is not None:
            table, wrong = self.table.read()
            self.troubles = wrong
        found = assign(
            sighting.place,
            sighting.sample,
            sighting.group,
            rule=self.rule,
            table=table,
            default=self.default,
        )
        self.remark = found.remark
        return found.group


def _rule_of(section: GroupsSection) -> PathRule | None:
    if section.rule == "none":
        return None
    return PathRule() if section.rule == "folder" else PathRule.from_text(section.pattern)

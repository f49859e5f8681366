"""Whose a dataset is: said by an announcement, a table, or a rule on its place, else the default group."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure

DEFAULT_GROUP = "default"
MAX_NAME = 64
MAX_PLACE = 1024
_PLAIN = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{MAX_NAME - 1}}}")


def is_plain(name: str) -> bool:
    """Whether a name can be a group's: letters, digits and `_.-`, not beginning with a mark."""
    return _PLAIN.fullmatch(name) is not None


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class GroupTable:
    """Which sample and which puck is whose; a puck holds the samples whose name begins with its own."""

    samples: Mapping[str, str] = field(default_factory=_nothing)
    pucks: Mapping[str, str] = field(default_factory=_nothing)

    def find(self, sample: str) -> str:
        """The group of a sample, or "": its own row, else that of its puck (the longest name that fits)."""
        if sample in self.samples:
            return self.samples[sample]
        fitting = (puck for puck in self.pucks if _holds(puck, sample))
        return self.pucks.get(max(fitting, key=len, default=""), "")


def _holds(puck: str, sample: str) -> bool:
    """`CPS-01` holds `CPS-01` and `CPS-01_3`, not `CPS-012`."""
    rest = sample.removeprefix(puck)
    return sample.startswith(puck) and (not rest or not rest[0].isalnum())


@dataclass(frozen=True, slots=True)
class PathRule:
    """The group from the place of a dataset below `raw/`.

    Attributes:
        pattern: a regular expression with `(?P<group>...)`, searched for in the place; None takes the first
            folder, if the dataset does not lie directly in it.
    """

    pattern: re.Pattern[str] | None = None

    @classmethod
    def from_text(cls, text: str) -> PathRule:
        """The rule in a configuration: `first folder` or a regular expression.

        Raises:
            InputError: it is no regular expression with a part named `group` (bad_request).
        """
        if text == "first folder":
            return cls()
        try:
            pattern = re.compile(text)
        except re.error as error:
            raise failure(Failure.BAD_REQUEST, f"The path rule {text!r} is wrong: {error}.") from error
        if "group" not in pattern.groupindex:
            raise failure(Failure.BAD_REQUEST, f"The path rule {text!r} has no part (?P<group>...).")
        return cls(pattern)

    def find(self, place: PurePosixPath) -> str:
        """The name the rule finds, or ""."""
        if self.pattern is None:
            return place.parts[0] if len(place.parts) > 1 else ""
        found = self.pattern.search(str(place)[:MAX_PLACE])
        return (found["group"] or "") if found is not None else ""


@dataclass(frozen=True, slots=True)
class Assigned:
    """The group of a dataset.

    Attributes:
        group: its name, plain.
        by: `announcement`, `table`, `path` or `default`.
        remark: what was set aside on the way, as a sentence, or "".
    """

    group: str
    by: str
    remark: str = ""


def assign(
    place: str,
    sample: str = "",
    announced: str = "",
    *,
    rule: PathRule | None = None,
    table: GroupTable | None = None,
    default: str = DEFAULT_GROUP,
) -> Assigned:
    """The group of a dataset: announcement, then table, then path rule, then default.

    Args:
        place: directory of the dataset relative to `raw/`.
        sample: its sample, or "".
        announced: group said by an announcement, or "".
        rule: the path rule, if there is one.
        table: the table, if there is one.
        default: name of the default group.
    """
    remark = ""
    if announced and is_plain(announced):
        return Assigned(announced, "announcement")
    if announced:
        remark = f"The announced group {announced[:MAX_NAME]!r} is no plain name and was set aside."
    if table is not None and (group := table.find(sample)):
        return Assigned(group, "table", remark)
    if rule is not None and (found := rule.find(PurePosixPath(place))):
        return Assigned(plain_name(found), "path", remark)
    return Assigned(default, "default", remark)


def plain_name(name: str) -> str:
    """A plain name for any other; two different names never become one.

    A name that is not plain gets a piece of its hash, since folders `a b` and `a_b` may be two groups.
    """
    if is_plain(name):
        return name
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    kept = re.sub(r"[^A-Za-z0-9_.-]", "_", name)[: MAX_NAME - 10]
    return f"g{kept}-{mark}" if not kept[:1].isalnum() else f"{kept}-{mark}"

"""What the poller remembers of a directory and of the datasets in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from beampace.core.sighting import FilesSeen
from beampace.watch.content import Content, DataFiles
from beampace.watch.heat import Heat
from beampace.watch.names import master_prefix
from beampace.watch.settings import WatchSettings

_GROWTH = 1.1
"""Quiet time is told anew when it has grown by this factor: thrice as long, some ten times said."""

EMPTY = Content(frozenset(), {}, {}, (), "")


@dataclass(slots=True)
class Watched:
    """A master and its data files as last listed.

    Attributes:
        mark: stat mark of the master.
        prefix: of its data files, as the names say or as its links do.
        expected: data files it names, or None before it was read.
        data: what is there.
        quiet_s: for how long listings have shown no change.
        said_s: quiet time last told, or -1 when a change has to be told.
    """

    mark: str
    prefix: str
    expected: int | None = None
    data: DataFiles = field(default_factory=DataFiles)
    quiet_s: float = 0.0
    said_s: float = -1.0

    @property
    def awaits(self) -> bool:
        """Whether data files are still to come; nobody can tell of a master that holds its frames itself."""
        return not self.expected or self.data.n_files < self.expected

    def listed(self, data: DataFiles, step_s: float) -> bool:
        """Take in a listing `step_s` after the one before; whether its files changed."""
        if data == self.data and self.said_s >= 0:
            self.quiet_s += step_s
            return False
        self.data, self.quiet_s, self.said_s = data, 0.0, -1.0
        return True

    def words(self, path: str, settings: WatchSettings) -> FilesSeen | None:
        """What has to be told now, if anything: changes, and how the quiet grows while that matters."""
        enough = self.quiet_s >= max(self.said_s + settings.say_s, self.said_s * _GROWTH)
        matters = self.awaits or self.said_s < settings.patience_s
        if self.said_s >= 0 and not (enough and matters):
            return None
        self.said_s = self.quiet_s
        return self.seen(path)

    def seen(self, path: str) -> FilesSeen:
        """The files as last listed."""
        return FilesSeen(path, self.data.n_files, self.data.n_bytes, self.quiet_s, self.data.mark)


@dataclass(slots=True)
class Folder:
    """A directory.

    Attributes:
        depth: levels below the root.
        due: when it is listed next; `listed` when it last was, or None.
        signature: of its last listing, None when that has to be looked at anew; `content` what it said.
        crowded: whether subdirectories had to be left out for want of room.
        failures: listings that failed one after another.
        masters: name -> what is known of it.
    """

    depth: int
    due: float
    heat: Heat = field(default_factory=Heat)
    listed: float | None = None
    signature: int | None = None
    content: Content = EMPTY
    crowded: bool = False
    failures: int = 0
    masters: dict[str, Watched] = field(default_factory=dict)

    def take_in(self, content: Content) -> tuple[list[str], list[str]]:
        """Make `content` what the directory holds; masters that are new or changed, and that went."""
        gone = [name for name in self.masters if name not in content.masters]
        for name in gone:
            del self.masters[name]
        fresh = []
        for name, mark in content.masters.items():
            known = self.masters.get(name)
            if known is None:
                self.masters[name] = Watched(mark, master_prefix(name))
            elif known.mark != mark:
                known.mark = mark
            else:
                continue
            fresh.append(name)
        self.content = content
        return fresh, gone

    def listed_at(self, now: float, longest_step_s: float) -> list[str]:
        """Let quiet time pass up to a listing at `now`; names of masters whose files changed.

        Time in which nothing could be listed counts as quiet only up to `longest_step_s`.
        """
        step = 0.0 if self.listed is None else min(now - self.listed, longest_step_s)
        self.listed = now
        data = self.content.data
        return [
            name
            for name, watched in self.masters.items()
            if watched.listed(data.get(watched.prefix, DataFiles()), step)
        ]

    @property
    def awaits(self) -> bool:
        """Whether a dataset here lacks data files."""
        return any(watched.awaits for watched in self.masters.values())

    def warm(self, **moments: float) -> None:
        """Note what makes the directory active."""
        self.heat = replace(self.heat, **moments)  # type: ignore[arg-type]

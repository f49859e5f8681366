"""Whatever happens to a tree, the poller ends up knowing what is there, and told every change of it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from beampace.watch import Poller, WatchSettings
from beampace.watch.memory_files import MemoryFiles
from beampace.watch.names import data_prefix, master_prefix
from tests.support.watch_data import Clock

RAW = "/raw"
DIRECTORIES = ("/raw", "/raw/a", "/raw/a/run_1", "/raw/a/run_2", "/raw/b/c/run_1")
NAMES = ("x_1_master.h5", "x_1_data_000001.h5", "x_1_data_000002.h5", "x_10_master.h5", "x_10_data_000001.h5")
CODES = (errno.ENOENT, errno.EIO, errno.ESTALE, errno.EACCES)

steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(DIRECTORIES), st.sampled_from(NAMES), st.integers(1, 3)),
        st.tuples(st.just("remove"), st.sampled_from(DIRECTORIES), st.sampled_from(NAMES), st.just(0)),
        st.tuples(st.just("forget"), st.sampled_from(DIRECTORIES[1:]), st.just(""), st.just(0)),
        st.tuples(st.just("fail"), st.sampled_from(DIRECTORIES), st.just(""), st.sampled_from(CODES)),
        st.tuples(st.just("heal"), st.sampled_from(DIRECTORIES), st.just(""), st.just(0)),
        st.tuples(st.just("wait"), st.just(""), st.just(""), st.sampled_from((1, 3, 300))),
    ),
    max_size=25,
)


def act(files: MemoryFiles, what: str, where: str, name: str, number: int) -> None:
    actions: dict[str, Callable[[], object]] = {
        "put": lambda: files.put(f"{where}/{name}", number),
        "remove": lambda: files.remove(f"{where}/{name}"),
        "forget": lambda: files.remove(where),
        "fail": lambda: files.failing.update({where: number}),
        "heal": lambda: files.failing.pop(where, None),
    }
    actions[what]()


class Known:
    """What somebody knows who only hears what the poller tells."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def poll(self, poller: Poller, clock: Clock, turns: int) -> None:
        for _ in range(turns):
            polled = poller.poll()
            for path in polled.gone:
                self.counts.pop(path, None)
            for seen in polled.masters:
                self.counts.setdefault(seen.path, -1)
            for files in polled.files:
                assert files.path in self.counts
                self.counts[files.path] = files.n_files
            clock.sleep(0.2)


def truth(files: MemoryFiles) -> dict[str, int]:
    """Masters and their data files, from the tree itself."""
    found: dict[str, int] = {}
    for directory in DIRECTORIES:
        try:
            names = [entry.name for entry in files.listing(Path(directory), 100).entries]
        except OSError:
            continue
        for name in names:
            prefix = master_prefix(name)
            if prefix:
                found[f"{directory}/{name}"] = sum(data_prefix(other) == prefix for other in names)
    return found


@given(steps)
@settings(max_examples=60, deadline=None)
def test_what_is_told_adds_up_to_what_is_there(script: list[tuple[str, str, str, int]]) -> None:
    files, clock, known = MemoryFiles(), Clock(), Known()
    files.make(RAW)
    poller = Poller(Path(RAW), WatchSettings(patience_s=20.0, leads_for_s=20.0), clock, files)
    for what, where, name, number in script:
        if what == "wait":
            known.poll(poller, clock, number)
        else:
            act(files, what, where, name, number)
    files.failing.clear()
    known.poll(poller, clock, 350)
    assert known.counts == truth(files)
    assert not poller.poll().troubles

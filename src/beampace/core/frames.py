"""The frame ledger: what is known of every frame of a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from types import MappingProxyType

from beampace.core.taxonomy import Failure


class FrameState(IntEnum):
    """States of a frame in their order; a frame only moves forward."""

    ANNOUNCED = 0
    READABLE = 1
    ANALYSED = 2
    FAILED = 3


@dataclass(frozen=True, slots=True)
class FrameFailure:
    """Why a frame is lost: a code of the taxonomy and the particulars."""

    code: Failure
    detail: str


def _no_failures() -> Mapping[int, FrameFailure]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FrameLedger:
    """State per frame, numbered from 1; every change returns a new ledger.

    Attributes:
        states: one byte per frame, the value of its `FrameState`.
        failures: reason for each failed frame.
    """

    states: bytes
    failures: Mapping[int, FrameFailure] = field(default_factory=_no_failures)

    @classmethod
    def announced(cls, n_frames: int) -> FrameLedger:
        """A ledger of frames nobody has seen yet."""
        return cls(bytes(n_frames))

    def __len__(self) -> int:
        return len(self.states)

    def state(self, number: int) -> FrameState:
        """State of one frame.

        Raises:
            IndexError: there is no such frame.
        """
        self._check(number)
        return FrameState(self.states[number - 1])

    def mark(self, numbers: Iterable[int], state: FrameState) -> FrameLedger:
        """Move frames forward to `state`; frames already at or past it stay."""
        states = bytearray(self.states)
        for number in numbers:
            self._check(number)
            states[number - 1] = max(states[number - 1], state)
        return replace(self, states=bytes(states))

    def fail(self, failures: Mapping[int, FrameFailure]) -> FrameLedger:
        """Mark frames failed; a frame that was read or failed before keeps what it had."""
        states, reasons = bytearray(self.states), dict(self.failures)
        for number, reason in failures.items():
            self._check(number)
            if states[number - 1] < FrameState.ANALYSED:
                states[number - 1] = FrameState.FAILED
                reasons[number] = reason
        return FrameLedger(bytes(states), MappingProxyType(reasons))

    def grown(self, n_frames: int) -> FrameLedger:
        """The ledger with room for at least `n_frames`."""
        missing = max(0, n_frames - len(self.states))
        return replace(self, states=self.states + bytes(missing))

    def first(self, n: int) -> FrameLedger:
        """The ledger as if only the first `n` frames had been seen."""
        states = self.states[:n] + bytes(max(0, len(self.states) - n))
        return FrameLedger(states, {number: why for number, why in self.failures.items() if number <= n})

    def count(self, state: FrameState) -> int:
        """Number of frames in exactly this state."""
        return self.states.count(int(state))

    @property
    def usable(self) -> int:
        """Number of frames that can be or were read."""
        return self.count(FrameState.READABLE) + self.count(FrameState.ANALYSED)

    def numbers(self, *states: FrameState) -> Iterator[int]:
        """Frame numbers in any of the given states, ascending."""
        wanted = frozenset(int(state) for state in states)
        return (index + 1 for index, value in enumerate(self.states) if value in wanted)

    def ranges(self, *states: FrameState) -> tuple[tuple[int, int], ...]:
        """Runs (first, last) of frames in any of the given states."""
        runs: list[tuple[int, int]] = []
        for number in self.numbers(*states):
            if runs and runs[-1][1] == number - 1:
                runs[-1] = (runs[-1][0], number)
            else:
                runs.append((number, number))
        return tuple(runs)

    def longest_usable(self) -> tuple[int, int] | None:
        """The longest run of usable frames (first, last), or None."""
        runs = self.ranges(FrameState.READABLE, FrameState.ANALYSED)
        return max(runs, key=lambda run: run[1] - run[0], default=None)

    def _check(self, number: int) -> None:
        if not 1 <= number <= len(self.states):
            raise IndexError(f"there is no frame {number}: the dataset has 1 to {len(self.states)}")

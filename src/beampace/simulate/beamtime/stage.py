"""The stage: carries out what happens to the files of the beamtime, with P11's habits."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np

from beampace.core.dataset import Dataset
from beampace.eiger.identity import identity
from beampace.eiger.panel import SPECIFIC
from beampace.simulate.beamtime.acts import Act, Deed, Fate, Play, Script
from beampace.simulate.beamtime.metadata import Beamtime
from beampace.simulate.beamtime.played import Played, PlayedDataset, PlayedFile
from beampace.simulate.beamtime.stock import Stock
from beampace.simulate.faults import truncate_file
from beampace.simulate.layouts import data_name, write_master
from beampace.simulate.options import WriteOptions
from beampace.simulate.patches import info_text, patch_master

Now = Callable[[], datetime]


def utc_now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


@dataclass
class Stage:
    """Where the beamtime is played.

    Attributes:
        script: what is played.
        beamtime: where.
        stocks: frames by name of the stock.
        frame_time_s: seconds per frame.
        played: the truth so far.
        now: the present moment, UTC.
    """

    script: Script
    beamtime: Beamtime
    stocks: Mapping[str, Stock]
    frame_time_s: float
    played: Played
    now: Now = utc_now
    _datasets: dict[int, PlayedDataset] = field(default_factory=dict)

    def carry_out(self, act: Act) -> None:
        """Let an act happen.

        Raises:
            OSError: files cannot be written.
        """
        if act.play:
            self._on_dataset(act, self.script.play(act.play))
        elif act.deed in (Deed.PRE_START, Deed.START):
            self.beamtime.announce(self.now(), pre_start=act.deed is Deed.PRE_START)
            self.played.started = self._moment()
        elif act.deed is Deed.STOP:
            self.beamtime.metadata.unlink()
            self.played.stopped = self._moment()

    def _on_dataset(self, act: Act, play: Play) -> None:
        match act.deed:
            case Deed.INFO:
                self._info(play)
            case Deed.MASTER:
                self._master(play)
            case Deed.HALF_FILE:
                self._half_file(play, act.file)
            case Deed.FILE | Deed.CUT_FILE:
                self._file(play, act.file, whole=act.deed is Deed.FILE)
            case Deed.PATCH:
                patch_master(self._path(play), self._record(play), self._options(play))
            case Deed.COPY_MASTER | Deed.RENAME_MASTER:
                self._another_name(play, keep=act.deed is Deed.COPY_MASTER)

    def _directory(self, play: Play) -> Path:
        directory = self.beamtime.raw / play.place
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def _path(self, play: Play) -> Path:
        """Where the master is now."""
        found = self._datasets.get(play.number)
        return Path(found.path) if found else self._directory(play) / f"{play.name}_master.h5"

    def _record(self, play: Play) -> Dataset:
        return self.stocks[play.stock].record(play, self.frame_time_s)

    def _options(self, play: Play) -> WriteOptions:
        return WriteOptions(images_per_file=play.per_file, info=play.info)

    def _moment(self) -> str:
        return self.now().isoformat()

    def _info(self, play: Play) -> None:
        text = info_text(self._record(play), self._options(play))
        (self._directory(play) / "info.txt").write_text(text, encoding="utf-8")

    def _master(self, play: Play) -> None:
        """The master appears whole; what another series left under the same name goes first."""
        directory = self._directory(play)
        path, part = directory / f"{play.name}_master.h5", directory / f".{play.name}_master.h5.part"
        if path.exists():
            for old in directory.glob(f"{play.name}_data_*.h5"):
                old.unlink()
        mask = np.asarray(self.stocks[play.stock].mask).astype(np.uint32)
        write_master(part, self._record(play), mask, self._options(play))
        found = _stamp(part, play)
        part.rename(path)
        self._datasets[play.number] = PlayedDataset(
            number=play.number,
            identity=found,
            path=str(path),
            place=play.place,
            name=play.name,
            kind=play.kind,
            group=play.group,
            fate=play.fate,
            blank=play.blank,
            n_announced=play.n_announced,
            n_written=play.n_written,
            master_at=self._moment(),
        )
        self.played.datasets.append(self._datasets[play.number])

    def _part(self, play: Play, order: int) -> tuple[Path, Path]:
        """A data file that nobody sees yet, made if it is not there, and the path it will have."""
        path = self._directory(play) / data_name(play.name, order)
        part = path.with_name(f".{path.name}.part")
        if not part.exists():
            count = play.file_frames[order - 1]
            self.stocks[play.stock].write_file(part, (order - 1) * play.per_file + 1, count)
        return part, path

    def _half_file(self, play: Play, order: int) -> None:
        part, path = self._part(play, order)
        data = part.read_bytes()
        path.write_bytes(data[: len(data) // 2])

    def _file(self, play: Play, order: int, *, whole: bool) -> None:
        part, path = self._part(play, order)
        if not whole:
            truncate_file(part)
        if path.exists():
            self._append_rest(part, path)
        else:
            part.rename(path)
        dataset = self._datasets[play.number]
        if play.fate is Fate.LATE and len(dataset.files) == len(play.file_frames) - 1 and dataset.files:
            before = datetime.fromisoformat(dataset.files[-1].at)
            dataset.late_after_s = (self.now() - before).total_seconds()
        frames = play.file_frames[order - 1]
        dataset.files.append(PlayedFile(path.name, frames, self._moment(), whole))

    @staticmethod
    def _append_rest(part: Path, path: Path) -> None:
        data = part.read_bytes()
        with path.open("r+b") as stream:
            there = stream.seek(0, 2)
            stream.write(data[there:])
        part.unlink()

    def _another_name(self, play: Play, *, keep: bool) -> None:
        dataset = self._datasets[play.number]
        old = Path(dataset.path)
        new = old.with_name(f"{'copy_of' if keep else 'best'}_{play.name}_master.h5")
        if keep:
            part = new.with_name(f".{new.name}.part")
            shutil.copyfile(old, part)
            part.rename(new)
            dataset.aliases.append(str(new))
        else:
            old.rename(new)
            dataset.aliases.append(str(old))
            dataset.path = str(new)


def _stamp(master: Path, play: Play) -> str:
    """Give the master its series id, if it has one; returns the identity it then has."""
    with h5py.File(master, "r+") as handle:
        if play.series is not None:
            handle[SPECIFIC].create_dataset("series_id", data=np.uint32(play.series))
        return identity(handle, None, play.n_announced)


def stage_of(
    script: Script,
    beamtime: Beamtime,
    stocks: Mapping[str, Stock],
    rate: float,
    seed: int,
    now: Now = utc_now,
) -> Stage:
    """A stage with nothing played on it yet; `rate` in frames per second."""
    played = Played(beamtime.id, str(beamtime.root), seed)
    return Stage(script, beamtime, stocks, 1.0 / rate, played, now)

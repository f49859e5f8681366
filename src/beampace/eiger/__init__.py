"""The container: layouts, frames, masks and metadata of EIGER files, and the companion master."""

from beampace.eiger.blocks import Block, FileState
from beampace.eiger.companion import Companion, write_companion
from beampace.eiger.container import Container, open_container, read_dataset
from beampace.eiger.follow import FollowSettings, Snapshot, follow
from beampace.eiger.frames import FrameReader
from beampace.eiger.hdf5 import CHILD_ENVIRONMENT, open_read
from beampace.eiger.info import parse_info, read_info
from beampace.eiger.links import Link
from beampace.eiger.names import plain_name
from beampace.eiger.reader import ReadOptions
from beampace.eiger.survey import Survey, examine, survey

__all__ = [
    "CHILD_ENVIRONMENT",
    "Block",
    "Companion",
    "Container",
    "FileState",
    "FollowSettings",
    "FrameReader",
    "Link",
    "ReadOptions",
    "Snapshot",
    "Survey",
    "examine",
    "follow",
    "open_container",
    "open_read",
    "parse_info",
    "plain_name",
    "read_dataset",
    "read_info",
    "survey",
    "write_companion",
]

"""Finding datasets: bounded polling of the active beamtime, and announcements."""

from beampace.watch.announce import Announcement
from beampace.watch.identify import Identifier
from beampace.watch.messages import Answer, Counted, Identified, Refused
from beampace.watch.poller import MasterSeen, Polled, Poller
from beampace.watch.settings import WatchSettings
from beampace.watch.watch import Watch, WatchTick

__all__ = [
    "Announcement",
    "Answer",
    "Counted",
    "Identified",
    "Identifier",
    "MasterSeen",
    "Polled",
    "Poller",
    "Refused",
    "Watch",
    "WatchSettings",
    "WatchTick",
]

"""Where jobs run: `local` processes behind the cluster protocol of `core.ports`."""

from beampace.cluster.files import read_exit, read_started
from beampace.cluster.local import LocalCluster
from beampace.cluster.memory import InMemoryCluster
from beampace.cluster.warm import Standby

__all__ = ["InMemoryCluster", "LocalCluster", "Standby", "read_exit", "read_started"]

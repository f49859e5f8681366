"""XDS: its input, its order of work, its logs.

XDS is licensed and was not at hand when this was written: everything here follows its documentation, real
logs and what other pipelines know of it, and is tested with a checker in place of the program.
"""

from beampace.engines.xds.engine import XdsEngine
from beampace.engines.xds.installation import XdsInstallation

__all__ = ["XdsEngine", "XdsInstallation"]

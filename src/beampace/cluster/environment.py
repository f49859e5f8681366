"""The environment that jobs may see: the daemon's, without what may be a secret of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

OWN = "BEAMPACE_"
_SECRET = re.compile(r"PASSWORD|PASSWD|PGPASS|TOKEN|SECRET|CREDENTIAL|PRIVATE_KEY|SSH_AUTH_SOCK|JWT", re.I)


def own_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables without those of the daemon's configuration and those whose names speak of secrets."""
    return {
        name: value
        for name, value in variables.items()
        if not name.startswith(OWN) and _SECRET.search(name) is None
    }

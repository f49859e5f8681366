"""The token for slurmrestd: read at every use, refused when others may read it, never shown.

Somebody else may renew it in the meantime; a Slurm token at DESY lasts a day at most.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from beampace.cluster.slurm.secret import Secret
from beampace.cluster.slurm.transport import Unreachable

_TOKEN = re.compile(r"(?:SLURM_(?:JWT|TOKEN)=)?([\w-]{1,8000}\.[\w-]{1,8000}\.[\w-]{1,8000})", re.ASCII)
"""As `scontrol token` and `slurm_token` print it, or the token alone."""


@dataclass(frozen=True, slots=True)
class Token:
    """A JSON web token.

    Attributes:
        text: the token.
    """

    text: str = field(repr=False)

    @property
    def ends(self) -> float | None:
        """Until when it says it is good, in seconds since 1970; None when it does not say. Not proven."""
        payload = self.text.split(".")[1]
        try:
            claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (ValueError, RecursionError):
            return None
        end = claims.get("exp") if isinstance(claims, dict) else None
        return float(end) if isinstance(end, int) and 0 < end < 2**40 else None


_TOKEN_FILE = Secret(
    "the token",
    "Let the daemon's account read it, or correct `rest_token` in [cluster.slurm].",
    "Do `chmod 600` on it: whoever knows it is the account, on the whole cluster.",
)


def read_token(path: Path, *, allow_open: bool = False) -> Token:
    """Read the token.

    Args:
        path: its file; a link is not followed.
        allow_open: whether a token that other accounts may read is used all the same.

    Raises:
        Unreachable: there is none, it cannot be read, others may read it, or it is no token. The message
            names the file and its mode, never its content.
    """
    content = _TOKEN_FILE.read(path, allow_open=allow_open)
    found = _TOKEN.fullmatch(content.decode("ascii", errors="replace").strip())
    if found is None:
        hint = "Write there what `scontrol token` (at DESY `slurm_token`) prints."
        raise Unreachable(f"{path} holds no token.", hint)
    return Token(found[1])

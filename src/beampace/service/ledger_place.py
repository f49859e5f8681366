"""The ledger of a daemon that does not run, for reports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from beampace.core.errors import failure
from beampace.core.taxonomy import Failure
from beampace.service.configuration import load
from beampace.store import Ledger, open_ledger
from beampace.store.address import LEDGER_FILE


@contextmanager
def existing_ledger(state_dir: Path, config: Path | None = None) -> Iterator[Ledger]:
    """The ledger a configuration names, or the one in the daemon's directory; never a new one.

    Raises:
        InputError: the configuration is wrong, or there is no ledger (bad_request).
        InfrastructureError: it cannot be read.
    """
    url = load(config).settings.store.url.get_secret_value()
    if not url and not (state_dir / LEDGER_FILE).is_file():
        raise failure(
            Failure.DAEMON_MISSING,
            f"Nobody answers at {state_dir}, and there is no ledger {LEDGER_FILE}.",
            "Name the daemon's directory with --state-dir or its configuration with --config.",
        )
    ledger = open_ledger(url or state_dir)
    try:
        yield ledger
    finally:
        ledger.close()

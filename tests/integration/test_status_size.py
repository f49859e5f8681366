"""Status of a beamtime with many datasets, as the daemon answers it over its socket."""

import time

import pytest
import structlog

from beampace.core.work import WorkClass, WorkName
from beampace.service.assembly import Engines, assembled
from beampace.service.control import DaemonControl
from beampace.service.settings import Settings
from beampace.service.socket_client import ask
from beampace.service.socket_server import serve_control
from beampace.web import StatusRequest
from tests.support.ledgers import claim, new_result, planned, sighting
from tests.support.serving import running

DATASETS, RESULTS, WAITING = 500, 100, 100


def fill(ledger, root):
    """500 datasets, of which 100 have a result and 100 wait."""
    ledger.open_beamtime("bt", str(root))
    for index in range(DATASETS):
        group = f"u{index % 3}"
        said = sighting(
            f"d{index}", path=f"{root}/raw/{group}/d{index}_master.h5", place=group, name=f"d{index}"
        )
        number = ledger.observe("bt", said, group).dataset.id
        if index < RESULTS + WAITING:
            key = f"{index:016x}"
            ledger.plan(number, [planned(key, work=WorkName.LOOK, engine="", work_class=WorkClass.LIVE)])
            if index < RESULTS:
                claim(ledger, key)
                ledger.finish(new_result(key))


@pytest.fixture
def daemon(tmp_path):
    (tmp_path / "current" / "raw").mkdir(parents=True)
    settings = Settings.model_validate(
        {
            "state_dir": tmp_path / "state",
            "beamtime": {"fixed": tmp_path / "current", "id": "bt"},
            "cluster": {"warm": False, "cores": 4},
        }
    )
    (tmp_path / "state").mkdir(mode=0o700)
    with assembled(settings, Engines(), structlog.get_logger()) as made:
        fill(made.desk.ledger, tmp_path / "current")
        yield made


def test_status_is_quick_and_short_with_500_datasets(daemon):
    path = daemon.desk.settings.state_dir / "control.sock"
    took = []
    with running(lambda: serve_control(DaemonControl(daemon), path)):
        for _ in range(3):
            began = time.monotonic()
            status = ask(path, StatusRequest())
            took.append(time.monotonic() - began)
    assert sum(status.datasets.values()) == DATASETS
    assert status.waiting == {"live": WAITING}
    assert len(status.results) <= 20
    assert len(status.next) <= 20
    assert len(status.model_dump_json()) < 60_000
    assert min(took) < 1.5  # three times what it may take on a quiet machine

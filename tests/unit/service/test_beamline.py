"""What the beamline can do goes from the configuration into the orders of jobs."""

from beampace.work.beamline import Beamline
from beampace.work.order import Order
from tests.support.desk import bench


def test_jobs_are_told_what_the_beamline_can_do(tmp_path):
    with bench(tmp_path, beamline={"max_rate": 50, "flux": 1e12, "beam_um": [20, 10]}) as made:
        number = made.see()
        made.start()
        order = Order.read(made.directory(made.jobs(number)["look"].key) / "order.json")
    assert order.beamline == Beamline(max_rate=50, flux=1e12, beam_um=(20, 10))
    assert order.beamline.limits.max_rate == 50

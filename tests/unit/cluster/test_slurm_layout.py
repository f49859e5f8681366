"""How a site is used: what is held, how large attempts may be, how long."""

import time
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from beampace.beamtime.resources import OnlineResources
from beampace.cluster.slurm import Asked, Grants, Site, SurveyedLayout, Surveyor
from beampace.cluster.slurm.held import hold_argv
from beampace.cluster.slurm.layout import LEAST_TIME_S, layout_of
from beampace.cluster.slurm.script import MARGIN_S, Request, sbatch_argv
from beampace.core.errors import InfrastructureError
from beampace.core.taxonomy import Failure

SITE = Site(
    exclusive=True,
    nodes=("max-p3a016", "max-p3a017"),
    cores=96,
    memory_mb=512_000,
    most_time_s=7 * 86400,
    reservation_ends_s=100_000.0,
)
GRANTED = OnlineResources("bttest04", None, "11010000", "ponline_p11", ("max-p3a016",))
DAY_S = 86400


def megabytes(argv: tuple[str, ...]) -> int:
    (word,) = (word for word in argv if word.startswith("--mem="))
    return int(word.removeprefix("--mem=").removesuffix("M"))


def test_every_exclusive_node_is_held_whole_and_everything_is_a_step() -> None:
    layout = layout_of(SITE, Asked(), 100_000.0)
    assert (layout.held.allocations, layout.held.everything, layout.held.exclusive) == (2, True, True)
    assert (layout.size.nodes, layout.size.cores) == (2, 96)
    assert megabytes(hold_argv("bph-x", GRANTED, layout.held, ())) <= SITE.memory_mb


def test_of_shared_nodes_a_part_is_held_for_what_is_urgent() -> None:
    layout = layout_of(replace(SITE, exclusive=False), Asked(), 100_000.0)
    assert (layout.held.allocations, layout.held.everything, layout.held.exclusive) == (1, False, False)
    assert layout.held.cores == layout.size.urgent_cores == 24
    assert layout.size.nodes == 2
    request = Request("bp-x", PurePosixPath("/x"), 1, layout.size.memory_mb, 60)
    assert megabytes(sbatch_argv(request)) <= SITE.memory_mb


def test_nodes_count_as_exclusive_when_nobody_says() -> None:
    assert layout_of(replace(SITE, exclusive=None), Asked(), None).held.everything
    assert not layout_of(replace(SITE, exclusive=None), Asked(shape="shared"), None).held.everything
    assert layout_of(replace(SITE, exclusive=False), Asked(shape="exclusive"), None).held.everything


def test_without_a_reservation_the_partition_is_left_to_the_others() -> None:
    assert layout_of(SITE, Asked(), None).held.allocations == 1
    assert layout_of(SITE, Asked(nodes=2), None).held.allocations == 2
    assert layout_of(SITE, Asked(nodes=9), 100_000.0).held.allocations == 2


def test_a_site_nobody_knows_is_a_small_node() -> None:
    layout = layout_of(Site(), Asked(), None)
    assert (layout.held.allocations, layout.size.cores) == (1, 4)
    assert layout.most_time_s == 0


@pytest.mark.parametrize("left_s", [LEAST_TIME_S - 1, 0.0, -50.0])
def test_nothing_is_begun_shortly_before_the_end_of_the_reservation(left_s: float) -> None:
    assert layout_of(SITE, Asked(), left_s).over


def test_nothing_outlasts_the_reservation() -> None:
    layout = layout_of(SITE, Asked(), 3600.0)
    assert not layout.over
    assert layout.held.time_s == 3540  # whole minutes, with the margin before the end
    assert layout.most_time_s == 3540 - MARGIN_S
    request = Request("bp-x", PurePosixPath("/x"), 1, 100, layout.most_time_s)
    assert "--time=59" in sbatch_argv(request)
    assert layout.held.renew_s <= layout.held.time_s / 4
    assert layout_of(SITE, Asked(most_time_s=600), 3600.0).most_time_s == 600 - MARGIN_S
    assert layout_of(replace(SITE, most_time_s=300), Asked(), 3600.0).most_time_s == 300 - MARGIN_S
    assert layout_of(replace(SITE, most_time_s=0), Asked(hold_s=DAY_S), None).held.time_s == DAY_S


class Asker:
    def __init__(self) -> None:
        self.now = 0.0
        self.asked: list[OnlineResources] = []
        self.error: InfrastructureError | None = None
        self.layouts = SurveyedLayout(Surveyor(self.survey, lambda: self.now), Asked(), lambda: self.now)

    def survey(self, granted: OnlineResources) -> Site:
        self.asked.append(granted)
        if self.error is not None:
            raise self.error
        return SITE

    def settle(self, granted: OnlineResources) -> None:
        """Look until nothing is under way."""
        deadline = time.monotonic() + 10
        count = -1
        while count != len(self.asked) or self.layouts.surveyor._asked is not None:
            assert time.monotonic() < deadline
            count = len(self.asked)
            self.layouts.look(granted)
            time.sleep(0.01)


def test_a_site_is_asked_about_once_and_again_for_another_reservation() -> None:
    one = Asker()
    assert one.layouts.look(GRANTED) is None  # nobody waits for the answer
    one.settle(GRANTED)
    layout = one.layouts.look(GRANTED)
    assert layout is not None
    assert one.asked == [GRANTED]
    one.now += 99_000
    layout = one.layouts.look(GRANTED)
    assert layout is not None
    assert layout.most_time_s == 960 - MARGIN_S
    other = replace(GRANTED, reservation="11010000_start")
    assert one.layouts.look(other) is None
    one.settle(other)
    assert one.layouts.look(other) is not None
    one.layouts.close()


def test_a_question_without_answer_is_told_and_asked_again_after_a_pause() -> None:
    one = Asker()
    one.error = InfrastructureError(Failure.NODE_LOST, "Nobody answers.")
    one.settle(GRANTED)
    assert one.layouts.error is one.error
    assert len(one.asked) == 1
    one.error = None
    one.now += 6
    one.settle(GRANTED)
    assert one.layouts.error is None
    assert one.layouts.look(GRANTED) is not None
    one.layouts.close()


def test_after_the_stop_the_account_is_known_for_a_moment_only() -> None:
    now, granted = [0.0], [GRANTED]
    grants = Grants(lambda: granted[0], 20.0, lambda: now[0])
    assert grants.open() == grants.lasting() == GRANTED
    now[0] = 1000.0
    assert grants.open() == GRANTED
    granted[0] = None
    now[0] += 19
    assert grants.open() is None
    assert grants.lasting() == GRANTED
    now[0] += 1
    assert grants.lasting() is None
    assert "bttest04" not in repr(grants)

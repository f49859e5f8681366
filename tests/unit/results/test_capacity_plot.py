"""The picture of a capacity study: what is drawn, and that nothing runs out of it."""

import pytest

from beampace.results.capacity_plot import capacity_figure, capacity_png
from beampace.results.capacity_schema import CapacityAnswer, ClassOutcome, EngineNeed, NodesOutcome
from beampace.results.durations import lasting


def outcome(nodes: int, state: str, behind: tuple[float, ...]) -> NodesOutcome:
    one = ClassOutcome(
        of="full", n=9, median_s=600, p95_s=4000, worst_s=9000, load=1.2, slope=0.1, slope_low=0.09,
        slope_high=0.11, behind_s=behind[-1] if behind else 0.0, state=state,
    )  # fmt: skip
    return NodesOutcome(
        nodes=nodes, cores=96 * nodes, state=state, load=1.2, load_of_all=0.7, kept_cores=36, in_time=0.0,
        classes=(one,) if behind else (), behind_s=behind,
    )  # fmt: skip


def answer(**changes: object) -> CapacityAnswer:
    values = {
        "title": "A night",
        "hours": 12.0,
        "collections": 300.0,
        "seed": 1,
        "repeats": 6,
        "described_nodes": 1,
        "needed_nodes": 2,
        "outcomes": (outcome(1, "growing", (0.0, 5000.0, 9000.0)), outcome(2, "bounded", (60.0, 70.0, 60.0))),
        "engines": (),
        "believed": (),
        "words": "It grows. " * 30,
    }
    return CapacityAnswer.model_validate(values | changes)


def test_a_line_per_number_of_nodes_and_long_words_stay_inside() -> None:
    figure = capacity_figure(answer())
    course, lags = figure.axes
    assert [text.get_text() for text in course.get_legend().get_texts()] == [
        "1 node: growing",
        "2 nodes: bounded",
    ]
    assert course.lines[0].get_ydata()[-1] == pytest.approx(2.5)  # hours
    assert [tick.get_text() for tick in lags.get_xticklabels()] == ["1 node", "2 nodes"]
    width = figure.get_figwidth() * figure.dpi
    capacity_png(answer())
    assert all(text.get_window_extent().x1 <= width for text in figure.texts)


def test_engines_have_a_panel() -> None:
    engines = (
        EngineNeed(engine="fast", nodes=1, p95_s=8, in_time=1, pace_nodes=1, shortest_s=7, words=""),
        EngineNeed(engine="xds", nodes=5, p95_s=900, in_time=0, pace_nodes=None, shortest_s=483, words=""),
        EngineNeed(engine="slow", shortest_s=9000, words=""),
    )
    texts = [text.get_text().strip() for text in capacity_figure(answer(engines=engines)).axes[2].texts]
    assert texts == [
        "more than were tried",
        "5, but 8.05 min even alone: not as fast as data taking",
        "1, as fast as data taking, 95 % within 8 s",
    ]


@pytest.mark.parametrize("outcomes", [(), (outcome(1, "bounded", ()),)])
def test_nothing_to_draw(outcomes: tuple[NodesOutcome, ...]) -> None:
    assert capacity_png(answer(outcomes=outcomes)).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.455, "0.455 s"),
        (45, "45 s"),
        (60, "1 min"),
        (483, "8.05 min"),
        (9000, "2.5 h"),
        (200_000, "2.31 d"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert lasting(seconds) == words

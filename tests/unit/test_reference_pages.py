import pytest

from tools.reference import REFERENCE, pages


@pytest.mark.parametrize(
    "name",
    [
        "capacity.md",
        "capacity.schema.json",
        "commands.md",
        "configuration.md",
        "configuration.schema.json",
        "failures.md",
        "result.md",
        "web.md",
    ],
)
def test_generated_pages_are_current(name):
    assert (REFERENCE / name).read_text() == pages()[name], "run `make docs`"

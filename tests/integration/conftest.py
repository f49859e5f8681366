"""One browser for all tests of pages: two in one process do not go together."""

from tests.support.browser import browser  # noqa: F401 - a fixture

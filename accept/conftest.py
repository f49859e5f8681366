"""One browser for all tests of pages."""

from tests.support.browser import browser  # noqa: F401 - a fixture

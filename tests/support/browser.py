"""A browser for tests: Debian's Chromium, headless, driven by Playwright."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.pages import READ

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a module.

    Playwright's event loop counts as running in this thread as long as the browser lives, and no other loop
    can run there meanwhile: a browser that outlived its module would take asyncio away from the tests that
    follow.
    """
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=str(CHROMIUM))
        yield made
        made.close()


@contextmanager
def page_of(
    browser: Browser, url: str, path: str = "/", *, token: str = READ, quiet: bool = True, **options: Any
) -> Iterator[Page]:
    """A page of a site in a context of its own.

    With `quiet` nothing may go wrong in it: an error of a script or a refusal by the policy fails the test.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    context = browser.new_context(extra_http_headers=headers, **options)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if _is_fault(said.text) else None)
    try:
        page.goto(f"{url}{path}")
        yield page
    finally:
        context.close()
    assert not (quiet and faults), faults


def until_true(page: Page, expression: str, patience_s: float = 30.0) -> None:
    """Wait until an expression holds in the page; `wait_for_function` would need what our policy forbids."""
    deadline = time.monotonic() + patience_s
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"{expression} did not come to pass"
        page.wait_for_timeout(20)


def _is_fault(text: str) -> bool:
    return "Content Security Policy" in text or "Uncaught" in text

"""Pictures of every page, from a beamtime that is played to a daemon: `make pictures`, for `docs/pictures`.

The beamtime is that of `beampace demo`: simulated crystals, a real daemon, DIALS, Debian's Chromium.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console

from beampace.cli.console import ConsoleProgress
from beampace.cli.demo import BEAMTIME, Daemon, detector, finished, plan_of, running_daemon, scans
from beampace.cli.guard import available_cores
from beampace.cli.simulate import write_simulation
from beampace.core.work import WorkName
from beampace.service.socket_client import ask
from beampace.web import AccessLinkRequest, JobsAnswer, LinkAnswer, ReprocessRequest, StatusAnswer

CHROMIUM = "/usr/bin/chromium"
PLACE = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "pages"
WIDE, PHONE = (1440, 900), (390, 844)
COLOURS = 128
SETTLE_MS = 1500
PATIENCE_S = 600.0


def main() -> None:
    """Play, and take all pictures."""
    PLACE.mkdir(parents=True, exist_ok=True)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="bp-pictures-") as place, ExitStack() as stack:
        beamtime, state = Path(place) / BEAMTIME, Path(place) / "state"
        there, live = scans()
        with ConsoleProgress(console) as bars:
            for scan in there:
                write_simulation(plan_of(scan, beamtime, available_cores()), bars)
        serve = ("--root", str(beamtime), "--state-dir", str(state))
        daemon = stack.enter_context(running_daemon(serve, state))
        browser = stack.enter_context(chromium())
        until(lambda: daemon.status() is not None)
        staff = let_in(browser, daemon, WIDE)
        until(lambda: _results(daemon) >= 3)
        stack.enter_context(detector(live, beamtime))
        of_the_scan(browser, daemon, staff)
        until(lambda: (status := daemon.status()) is not None and finished(status, len(there) + 1))
        of_the_results(browser, daemon, staff)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


def let_in(
    browser: Browser, daemon: Daemon, size: tuple[int, int], scheme: str = "light", kind: str = "link"
) -> Page:
    """A page of somebody who was let in: staff, or a screen on the wall."""
    answer = ask(daemon.socket, AccessLinkRequest(kind=kind))  # type: ignore[arg-type]
    assert isinstance(answer, LinkAnswer)
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.goto(answer.address)
    page.wait_for_selector("#stream[data-state=live]")
    return page


def of_the_scan(browser: Browser, daemon: Daemon, staff: Page) -> None:
    """What happens now, while a scan is taken."""
    phone = let_in(browser, daemon, PHONE, "dark")
    wall = let_in(browser, daemon, (1920, 1080), "dark", "wall")
    staff.wait_for_selector("#plot-spots[data-frames]")
    began = time.monotonic()
    until(lambda: staff.evaluate(SHOWN) >= 90 or time.monotonic() - began > 60)
    keep(staff, "now")
    keep(phone, "now-phone")
    keep(wall, "wall")


SHOWN = """(() => { const plot = document.querySelector("#plot-spots");
  const name = document.querySelector("#now-scan")?.textContent ?? "";
  return plot && name.includes("mono") ? Number(plot.dataset.lastFrame) : 0; })()"""
"""The last frame of the scan that is taken, as the page shows it."""


def of_the_results(browser: Browser, daemon: Daemon, staff: Page) -> None:
    """The pages of what was found, in the end."""
    status = daemon.status()
    assert status is not None
    numbers = {(one.work, one.name): one.dataset for one in status.results}
    rotation = numbers[WorkName.PROCESS, "ortho_1"]
    grid = next(number for (work, _), number in numbers.items() if work is WorkName.MAP)
    shots = next(number for (_, name), number in numbers.items() if "shots" in name)
    later = again(daemon, rotation)
    results = [one.id for one in later.results if one.work is WorkName.PROCESS and one.dataset == rotation]
    base = staff.evaluate("location.origin")
    for name, address in (
        ("datasets", "/datasets"),
        ("dataset", f"/datasets/{rotation}"),
        ("compare", f"/compare?a={min(results)}&b={max(results)}"),
        ("map", f"/datasets/{grid}/map"),
        ("frame", f"/datasets/{rotation}/frames/12"),
        ("strategy", f"/datasets/{shots}/strategy"),
        ("beamtime", "/beamtime"),
        ("access", "/access"),
    ):
        answer = staff.goto(f"{base}{address}")
        assert answer is not None and answer.ok, f"{address}: {answer and answer.status}"
        keep(staff, name)
    phone = let_in(browser, daemon, PHONE)
    phone.goto(f"{base}/datasets")
    keep(phone, "datasets-phone")
    stranger = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]}).new_page()
    stranger.goto(f"{base}/login")
    keep(stranger, "login")


def again(daemon: Daemon, dataset: int) -> StatusAnswer:
    """Process a dataset once more with other wishes; how things are when that is done."""
    answer = ask(daemon.socket, ReprocessRequest(dataset=dataset, d_min=3.5))
    assert isinstance(answer, JobsAnswer)
    found: list[StatusAnswer] = []

    def done() -> bool:
        status = daemon.status()
        if status is not None and not status.running and not status.next:
            found.append(status)
        return bool(found)

    until(done)
    return found[0]


def keep(page: Page, name: str) -> None:
    """Take a picture of a page, small enough for the repository."""
    page.wait_for_timeout(SETTLE_MS)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    file = PLACE / f"{name}.png"
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
    Console().print(f"{file.relative_to(PLACE.parent.parent.parent)}: {file.stat().st_size // 1024} kB")


def _results(daemon: Daemon) -> int:
    status = daemon.status()
    return 0 if status is None else len(status.results)


def until(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come to pass")
        time.sleep(0.1)


if __name__ == "__main__":
    main()

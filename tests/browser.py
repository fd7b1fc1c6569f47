"""Debian's Chromium for tests, through playwright: pages are opened as by a person, and ask nobody but their own host.

A test asks for ``visit`` and opens addresses with it, each in a window with cookies of its own. At its end it fails if
a page asked another host, did what its own Content-Security-Policy forbids, or raised an error in its script.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request

EXPECTED = "TRIAGE_EXPECT_CHROMIUM"
"""Set to 1 where the browser has to be there, as in CI: its absence then is a failure, and not a skip."""
NO_CHROMIUM = "no chromium on the PATH; scripts/test installs Debian's where it can"
QUIET = (
    "--disable-gpu",
    # One process less, and no drawing by a graphics card that is not there: half the processor time for a page.
    *("--disable-gpu-rasterization", "--in-process-gpu", "--renderer-process-limit=1", "--disable-extensions"),
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
"""Chromium itself looks for updates and more; with these it asks for nothing, and no other host has an address."""
SERIOUS = frozenset({"serious", "critical"})
"""Of axe-core's four grades, those that keep somebody from using a page."""
PATIENCE_MS = 60_000
"""Until something that was awaited is said to be missing; the machine may be busy."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that a page made."""

    window: int
    """Number of the window, in the order in which they were opened, from 0."""
    method: str
    url: str
    kind: str
    """What for, as the browser names it: document, script, image, media, fetch, …"""


class Visit:
    """Windows of one test. Each has cookies of its own, as if somebody else sat there."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._windows: list[BrowserContext] = []
        self.requests: list[Asked] = []
        """In the order in which they were made, in all windows."""
        self.foreign: list[str] = []
        """Addresses of other hosts, or of files beside the page's folder, that were asked for."""
        self.complaints: list[str] = []
        """What scripts raised, and what a page's own policy had to stop."""

    def __call__(
        self,
        address: str | Path,
        *,
        width_px: int = 1280,
        height_px: int = 800,
        scheme: Literal["light", "dark"] = "light",
        has_script: bool = True,
        is_still: bool = True,
    ) -> Page:
        """A new window at this address, loaded.

        Args:
            address: ``http://127.0.0.1:PORT/…``, or the path of an HTML file.
            has_script: False: as in a browser in which scripts are switched off.
            is_still: The visitor asked their system for less motion; transitions do not disturb screenshots either.
        """
        url = address.resolve().as_uri() if isinstance(address, Path) else address
        window = self._browser.new_context(
            viewport={"width": width_px, "height": height_px},
            color_scheme=scheme,
            java_script_enabled=has_script,
            reduced_motion="reduce" if is_still else "no-preference",
        )
        window.set_default_timeout(PATIENCE_MS)
        number, own = len(self._windows), _place(url)
        self._windows.append(window)
        window.on("request", lambda request: self._note(number, own, request))
        window.on("console", self._hear)
        window.on("weberror", lambda error: self.complaints.append(f"a script raised: {error.error}"))
        page = window.new_page()
        page.on("websocket", lambda socket: self._note_address(own, socket.url))
        page.goto(url)
        return page

    def of(self, page: Page) -> list[Asked]:
        """What the window of this page asked for."""
        number = self._windows.index(page.context)
        return [asked for asked in self.requests if asked.window == number]

    def close(self) -> None:
        """Close all windows.

        Raises:
            AssertionError: a page asked another host, or complained.
        """
        for window in self._windows:
            window.close()
        assert not self.foreign, f"a page asked another host, or another folder: {self.foreign}"
        assert not self.complaints, f"a page complained: {self.complaints}"

    def _note(self, number: int, own: str, request: Request) -> None:
        self.requests.append(Asked(number, request.method, request.url, request.resource_type))
        self._note_address(own, request.url)

    def _note_address(self, own: str, url: str) -> None:
        is_within = urlsplit(url).scheme in {"data", "blob", "about"}  # nothing leaves the page for these
        if not is_within and not _place(url).startswith(own):
            self.foreign.append(url)

    def _hear(self, message: ConsoleMessage) -> None:
        # An answer such as 409 is an error on the console too, and may be meant.
        if message.type == "error" and "Content Security Policy" in message.text:
            self.complaints.append(message.text)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium. Of a module and not of the whole run: while it is open, no asyncio runs in this thread."""
    path = shutil.which("chromium")
    if path is None:
        if os.environ.get(EXPECTED) == "1":
            pytest.fail(f"{EXPECTED}=1, and there is {NO_CHROMIUM}")
        pytest.skip(NO_CHROMIUM)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """Opens pages; the test fails if one of them asked another host or complained."""
    visit = Visit(chromium)
    yield visit
    visit.close()


def until(page: Page, expression: str) -> None:
    """Wait until this JavaScript is true. Playwright's own waiting evaluates a text in the page, which ours forbid."""
    eventually(page, lambda: bool(page.evaluate(expression)), expression)


def eventually(page: Page, is_so: Callable[[], bool], what: str = "it never was so") -> None:
    """Wait until this is so, and let the page go on meanwhile."""
    ends = time.monotonic() + PATIENCE_MS / 1000
    while not is_so():
        assert time.monotonic() < ends, f"not within {PATIENCE_MS} ms: {what}"
        page.wait_for_timeout(50)


def follow(lead: Locator) -> None:
    """Click what leads to another page, and wait until that one is loaded; a click alone returns before it is read."""
    with lead.page.expect_navigation():
        lead.click()


def barriers(page: Page) -> list[str]:
    """What axe-core finds on a page, as it is now, that keeps somebody from using it: a sentence each."""
    from axe_playwright_python.sync_playwright import Axe

    # Without preload: it would fetch the style sheets once more by script, which a strict policy rightly forbids.
    found = Axe().run(page, options={"preload": False}).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['html'][:200]} {' '.join(_why(node))}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


def _why(node: dict[str, list[dict[str, str]]]) -> list[str]:
    return [reason["message"] for part in ("any", "all", "none") for reason in node[part]]


def _place(url: str) -> str:
    """What a page may ask: its own host and port, or what lies in the folder of its file."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return f"file:{unquote(parts.path).rpartition('/')[0]}/"
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return f"{scheme}://{parts.netloc}/"

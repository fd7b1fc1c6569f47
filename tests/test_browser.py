from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import Visit, barriers

if TYPE_CHECKING:
    from playwright.sync_api import Browser

POLICY = '<meta http-equiv="Content-Security-Policy" content="default-src \'self\'">'


def page(folder: Path, body: str, head: str = "") -> Path:
    file = folder / "page.html"
    file.write_text(
        f'<!doctype html><html lang="en"><head><title>A page</title>{head}</head><body>{body}</body></html>'
    )
    return file


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The folder on this machine's own address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_page_is_opened_from_a_file_and_from_a_server(visit: Visit, tmp_path: Path) -> None:
    file = page(tmp_path, "<h1>Here</h1>")
    with serving(tmp_path) as address:
        for where in (file, f"{address}/page.html"):
            assert visit(where).get_by_role("heading").inner_text() == "Here"
    assert [asked.kind for asked in visit.requests if not asked.url.endswith("favicon.ico")] == ["document"] * 2


@pytest.mark.parametrize(
    "other", ["http://tracker.example/dot.gif", "https://127.0.0.1:9/dot.gif", "http://127.0.0.2:9/dot.gif"]
)
def test_a_page_that_asks_another_host_fails_its_test(chromium: Browser, tmp_path: Path, other: str) -> None:
    visit = Visit(chromium)
    page(tmp_path, f'<img src="{other}" alt="">')
    with serving(tmp_path) as address:
        visit(f"{address}/page.html")
    with pytest.raises(AssertionError, match="another host"):
        visit.close()


def test_another_address_of_this_machine_cannot_be_reached(chromium: Browser, tmp_path: Path) -> None:
    visit = Visit(chromium)
    page(tmp_path, "here")
    with serving(tmp_path) as address, pytest.raises(Exception, match="ERR_NAME_NOT_RESOLVED"):
        visit(f"{address.replace('127.0.0.1', 'localhost')}/page.html")
    visit.close()


def test_a_page_that_asks_for_a_file_beside_its_folder_fails_its_test(chromium: Browser, tmp_path: Path) -> None:
    inside = tmp_path / "report"
    inside.mkdir()
    (tmp_path / "original.gif").write_bytes(b"GIF89a")
    visit = Visit(chromium)
    visit(page(inside, '<img src="../original.gif" alt="">'))
    with pytest.raises(AssertionError, match="another folder"):
        visit.close()


@pytest.mark.parametrize(
    ("body", "head", "what"),
    [
        ("<script>throw new Error('broken')</script>", "", "broken"),
        ("<script>document.title = 'inline'</script>", POLICY, "Content Security Policy"),
    ],
)
def test_a_page_that_complains_fails_its_test(
    chromium: Browser, tmp_path: Path, body: str, head: str, what: str
) -> None:
    visit = Visit(chromium)
    visit(page(tmp_path, body, head))
    with pytest.raises(AssertionError, match=what):
        visit.close()


def test_windows_share_no_cookie(visit: Visit, tmp_path: Path) -> None:
    page(tmp_path, "here")
    with serving(tmp_path) as address:
        first, second = visit(f"{address}/page.html"), visit(f"{address}/page.html")
        first.evaluate("document.cookie = 'who=first'")
        assert second.evaluate("document.cookie") == ""
    assert {asked.window for asked in visit.of(second)} == {1}


def test_a_barrier_is_found_also_under_a_strict_policy(visit: Visit, tmp_path: Path) -> None:
    found = barriers(visit(page(tmp_path, "<h1>Here</h1><button></button>", POLICY)))
    assert len(found) == 1
    assert found[0].startswith("button-name")
    assert barriers(visit(page(tmp_path, "<h1>Here</h1><button>Press</button>", POLICY))) == []

"""What no request gets past, whoever sends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.desk.visitor import Served, Visitor, add_video, said
from triage.desk.guard import LARGEST_BODY


@pytest.fixture
def served(tmp_path: Path) -> Served:
    add_video(tmp_path / "case", "clip")
    return Served(tmp_path / "case")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example", "", "[::1]"])
def test_a_name_that_is_not_the_desks_is_refused_even_with_the_cookie(served: Served, host: str) -> None:
    visitor = served.visitor()
    answer = visitor.get("/", {"host": host})
    assert answer.status_code == 421
    assert "Queue" not in answer.text


def test_the_name_localhost_is_the_desks_too(served: Served) -> None:
    port = served.origin.rpartition(":")[2]
    assert served.visitor().get("/", {"host": f"localhost:{port}"}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:8765", "http://127.0.0.1"])
def test_a_form_from_another_page_does_nothing(served: Served, origin: str) -> None:
    visitor = served.visitor()
    answer = visitor.post("/leave", headers={"origin": origin})
    assert answer.status_code == 403
    assert visitor.get("/").status_code == 200, "still in"


def test_a_form_without_an_origin_does_nothing(served: Served) -> None:
    visitor = served.visitor()

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(served.app)
        async with httpx.AsyncClient(transport=transport, base_url=served.origin, cookies=visitor.cookies) as client:
            return await client.post("/leave", data={"csrf": visitor.csrf})

    assert asyncio.run(ask()).status_code == 403


def test_an_origin_of_another_name_of_the_desk_is_not_the_one_that_is_asked(served: Served) -> None:
    visitor = served.visitor()
    port = served.origin.rpartition(":")[2]
    assert visitor.post("/leave", headers={"origin": f"http://localhost:{port}"}).status_code == 403


def test_nothing_of_the_desk_is_loaded_into_another_page(served: Served) -> None:
    visitor = served.visitor()
    within = visitor.get("/static/desk.css", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"})
    assert within.status_code == 403
    link = visitor.get("/", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"})
    assert link.status_code == 200, "a link may lead here; a strict cookie does not come along with it"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "PATCH", "OPTIONS", "CONNECT"])
def test_other_methods_are_refused(served: Served, method: str) -> None:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(served.app), base_url=served.origin) as client:
            return await client.request(method, "/")

    assert asyncio.run(ask()).status_code == 405


def test_a_body_is_bounded_whether_or_not_it_says_how_long_it_is(served: Served) -> None:
    visitor = served.visitor()
    assert visitor.post("/handover", {"words": "x" * LARGEST_BODY}).status_code == 413

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"words=" + b"x" * 1000

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(served.app), base_url=served.origin, cookies=visitor.cookies
        ) as client:
            headers = {"origin": served.origin, "content-type": "application/x-www-form-urlencoded"}
            return await client.post("/handover", content=endless(), headers=headers)

    answer = asyncio.run(ask())
    assert answer.status_code == 413
    assert "Shorten the text" in said(answer)


def test_every_answer_forbids_what_is_not_the_desks_own(served: Served) -> None:
    visitor = served.visitor()
    video = add_video(served.folder, "other")
    answers = [
        *(visitor.get(path) for path in ("/", f"/video/{video}", "/static/desk.js", "/nothing", "/exposure")),
        *(visitor.get("/", {"host": "evil.example"}), visitor.climb(video, "strip"), Visitor(served).get("/door")),
    ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "*" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"


def test_no_page_needs_what_the_policy_forbids(served: Served) -> None:
    visitor = served.visitor()
    video = add_video(served.folder, "other")
    for path in ("/", f"/video/{video}", "/exposure", "/rules", "/second", "/keys", "/making"):
        text = visitor.get(path).text
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick=" not in text
        assert "<script>" not in text
        assert "//" not in text.replace("http://www.w3.org/2000/svg", "")


def test_a_web_socket_is_not_answered(served: Served) -> None:
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def ask() -> None:
        await served.app({"type": "websocket", "headers": []}, receive, send)

    asyncio.run(ask())
    assert sent == []

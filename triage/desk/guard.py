"""What every request passes before anything else looks at it, and what every answer carries.

A page elsewhere may send requests to the desk through a visitor's browser, also under a name of its own that it lets
point at this machine ("DNS rebinding"). So the Host header has to be one of ours, and so has the Origin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from html import escape
from typing import Any

from triage.desk.refusal import DeskError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST_BODY = 64 * 1024
"""Bytes of a form; the longest field is a note."""
SAFE = frozenset({"GET", "HEAD"})
ALLOWED = SAFE | {"POST"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not no-referrer: with that, browsers send "Origin: null" with our own forms.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), display-capture=(), browsing-topics=()"),
    (b"x-robots-tag", b"noindex, nofollow"),
)


class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: App, hosts: frozenset[str], origins: frozenset[str]) -> None:
        """
        Args:
            hosts: what may stand in Host, with the port.
            origins: what may stand in Origin.
        """
        self._app, self._hosts, self._origins = app, hosts, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # a web socket: closed without an answer

        begun = False

        async def sealed(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                own = {name for name, _ in HEADERS}
                kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in own]
                message = {**message, "headers": [*kept, *HEADERS]}
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, _bounded(receive), sealed)
        except DeskError as refused:
            if begun:
                raise
            await _refuse(sealed, refused)

    def _check(self, scope: Scope) -> None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or hosts[0].decode("latin-1").lower() not in self._hosts:
            raise DeskError(
                421, "This desk is not called by that name. Use the address that it printed when it started."
            )
        if scope["method"] not in ALLOWED:
            raise DeskError(405, "The desk knows no such method.")
        is_safe = scope["method"] in SAFE
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        is_ours = (
            len(origins) == 1 and origins[0] in self._origins and _host_of(origins[0]) == hosts[0].decode().lower()
        )
        if not is_ours and (origins or not is_safe):
            raise DeskError(403, "This came from another page than the desk's own, so nothing was done.")
        sites = [value for name, value in scope["headers"] if name == b"sec-fetch-site"]
        modes = [value for name, value in scope["headers"] if name == b"sec-fetch-mode"]
        is_visit = is_safe and modes == [b"navigate"]
        if sites not in ([], [b"same-origin"], [b"none"]) and not is_visit:
            raise DeskError(403, "This came from another page than the desk's own, so nothing was done.")
        lengths = [value for name, value in scope["headers"] if name == b"content-length"]
        if lengths and (not lengths[0].isdigit() or int(lengths[0]) > LARGEST_BODY):
            raise _too_large()


def _host_of(origin: str) -> str:
    return origin.partition("://")[2].lower()


def _bounded(receive: Receive) -> Receive:
    came = 0

    async def bounded() -> Message:
        nonlocal came
        message = await receive()
        came += len(message.get("body", b""))
        if came > LARGEST_BODY:
            raise _too_large()
        return message

    return bounded


def _too_large() -> DeskError:
    return DeskError(413, f"That is more than the desk takes at once ({LARGEST_BODY // 1024} KB). Shorten the text.")


async def _refuse(send: Send, refused: DeskError) -> None:
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Desk</title><p>{escape(str(refused))}</p>'
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": page.encode()})

"""Coming in and going out: the pages for whoever has no session yet."""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from triage.case.audit import AuditKind, AuditLog
from triage.desk.asking import Asked, Desk, back_to, form_of, said
from triage.desk.refusal import DeskError
from triage.desk.templating import STATIC, page, static

Heard = Callable[[str], None]


async def door(request: Request) -> Response:
    """The page for whoever is not in."""
    desk: Desk = request.app.state.desk
    if desk.doors.session(request.cookies.get(desk.cookie)) is not None:
        return RedirectResponse("/", 303)
    return _door(desk, "")


def _door(desk: Desk, sentence: str, status: int = 200, name: str = "") -> Response:
    values = {"has_accounts": desk.doors.has_accounts, "sentence": sentence, "is_in": False, "name": name}
    return HTMLResponse(page("door.html", values), status)


async def enter(request: Request) -> Response:
    """The link that is printed when the desk starts.

    It answers with a page that goes on by itself and with no redirect: a browser that comes from elsewhere would not
    send a strict cookie along with one.
    """
    desk: Desk = request.app.state.desk
    try:
        cookie = desk.doors.enter(request.query_params.get("token", ""))
    except DeskError as error:
        return said(None, error)
    tell: Heard = request.app.state.tell_link
    tell(desk.doors.token)
    return _let_in(desk, HTMLResponse(page("entered.html", {"is_in": False})), cookie)


async def log_in(request: Request) -> Response:
    """Name and password."""
    desk: Desk = request.app.state.desk
    name = ""
    try:
        form = await form_of(request)
        name = form.get("name", "")
        address = request.client.host if request.client else ""
        cookie = await run_in_threadpool(desk.doors.log_in, name, form.get("password", ""), address)
        session = desk.doors.session(cookie)
        assert session is not None, "it was just made"
        what = {"did": "came in at the desk", "role": session.role.value}
        await run_in_threadpool(AuditLog(desk.folder).add, AuditKind.ACCOUNT, session.author, what)
    except DeskError as error:
        return _door(desk, str(error), error.status, name)
    return _let_in(desk, RedirectResponse("/", 303), cookie)


def leave(asked: Asked) -> Response:
    """End the session; all that was uncovered in it is covered."""
    asked.desk.views.cover_all(asked.session)
    asked.desk.doors.leave(asked.session)
    answer = back_to("/door")
    answer.delete_cookie(asked.desk.cookie, path="/", secure=asked.desk.is_secure, httponly=True, samesite="strict")
    return answer


async def asset(request: Request) -> Response:
    """A style sheet or a script of ours."""
    name = request.path_params["name"]
    if name not in STATIC:
        return said(None, DeskError(404, "There is no such page."))
    body, media_type = static(name)
    return Response(body, media_type=media_type)


def _let_in(desk: Desk, answer: Response, cookie: str) -> Response:
    answer.set_cookie(desk.cookie, cookie, path="/", secure=desk.is_secure, httponly=True, samesite="strict")
    return answer

"""The desk as an application: which address answers with what, and for whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from triage.desk import deciding, entering, queueing, showing, team, watching
from triage.desk.accounts import DeskRole
from triage.desk.asking import Desk, answering, said
from triage.desk.binding import Bound
from triage.desk.guard import App, Guard
from triage.desk.refusal import DeskError

ANALYST, LEAD = DeskRole.ANALYST, DeskRole.LEAD
ROUTES = [
    Route("/door", entering.door),
    Route("/enter", entering.enter),
    Route("/login", entering.log_in, methods=["POST"]),
    Route("/static/{name}", entering.asset),
    Route("/leave", answering(entering.leave), methods=["POST"]),
    Route("/", answering(queueing.queue_page)),
    Route("/growth", answering(queueing.growth)),
    Route("/video/{video}", answering(showing.video_page)),
    Route("/video/{video}/climb", answering(watching.climb), methods=["POST"]),
    Route("/video/{video}/make", answering(watching.make), methods=["POST"]),
    Route("/video/{video}/making", answering(watching.progress)),
    Route("/video/{video}/decide", answering(deciding.decide, ANALYST), methods=["POST"]),
    Route("/video/{video}/undo", answering(deciding.undo, ANALYST), methods=["POST"]),
    Route("/video/{video}/view/{ticket}", answering(watching.view_page)),
    Route("/view/{ticket}/file", answering(watching.view_file)),
    Route("/view/{ticket}/saw", answering(watching.saw), methods=["POST"]),
    Route("/view/{ticket}/cover", answering(watching.cover), methods=["POST"]),
    Route("/second", answering(team.second_page)),
    Route("/exposure", answering(team.exposure_page)),
    Route("/handover", answering(team.hand_over, ANALYST), methods=["POST"]),
    Route("/rules", answering(team.rules_page)),
    Route("/rules", answering(team.set_rules, LEAD), methods=["POST"]),
    Route("/making", answering(team.making_page)),
    Route("/keys", answering(team.keys_page)),
    Route("/keys", answering(team.choose), methods=["POST"]),
]


def make_app(desk: Desk, bound: Bound, tell_link: Callable[[str], None]) -> App:
    """The application, to be served at the address that is taken.

    Args:
        tell_link: called with the next one-time token whenever one was used.
    """
    inner = Starlette(routes=ROUTES, exception_handlers={HTTPException: _not_found, Exception: _broken})
    inner.state.desk = desk
    inner.state.tell_link = tell_link
    application: Any = inner
    return Guard(application, bound.hosts, frozenset(bound.origins))


def _not_found(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return said(None, DeskError(status, "There is no such page."))


def _broken(_: Request, __: Exception) -> Response:
    words = "Something went wrong in the desk itself, and nothing was kept of this. Its terminal says more."
    return said(None, DeskError(500, words))

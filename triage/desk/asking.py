"""One request, once it is known who asks, and the page that answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from triage.case.store import Case, open_case
from triage.desk.accounts import DeskRole
from triage.desk.doors import Doors, Session
from triage.desk.making import Maker
from triage.desk.overview import Overviews
from triage.desk.refusal import DeskError
from triage.desk.templating import page
from triage.desk.views import Views
from triage.errors import CaseFullError, DecisionConflict, TriageError, UsageError

MOST_FIELDS = 60
"""In one form."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What a running desk consists of."""

    folder: Path
    """Of the case."""
    title: str
    """What the case is called on pages."""
    doors: Doors
    maker: Maker
    overviews: Overviews
    views: Views
    cookie: str
    """Name of the cookie; it has the port in it, since browsers keep one jar for all ports of a host."""
    is_secure: bool
    """It is served over TLS."""

    @contextmanager
    def reading(self) -> Iterator[Case]:
        """The case, to be read by this thread."""
        with open_case(self.folder) as case:
            yield case

    @contextmanager
    def writing(self) -> Iterator[Case]:
        """The case, to be written by this thread."""
        with open_case(self.folder, make=True) as case:
            yield case


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody who is in asks for."""

    desk: Desk
    session: Session
    path: Mapping[str, str]
    """What stood in the address."""
    query: Mapping[str, str]
    form: Mapping[str, str]
    range: str | None

    @property
    def author(self) -> str:
        return self.session.author

    def may(self, role: DeskRole) -> bool:
        return self.session.role.may(role)


Answer = Callable[[Asked], Response]


def answering(answer: Answer, needed: DeskRole = DeskRole.READER) -> Callable[[Request], object]:
    """The endpoint that lets in whoever has a session and may ask for this, and says errors as sentences."""

    async def endpoint(request: Request) -> Response:
        desk: Desk = request.app.state.desk
        session = desk.doors.session(request.cookies.get(desk.cookie))
        if session is None:
            if request.method in {"GET", "HEAD"}:
                return RedirectResponse("/door", 303)
            return said(None, DeskError(401, "You are not in any more. Come in again; nothing was kept of this."))
        try:
            form = await form_of(request)
            if request.method == "POST" and not session.has_sent(form.get("csrf", "")):
                raise DeskError(403, "This form is not of this session, so nothing was done. Open the page anew.")
            if not session.role.may(needed):
                raise DeskError(403, f"This is for the role {needed.value}; you are here as {session.role.value}.")
            asked = Asked(
                *(desk, session, request.path_params, dict(request.query_params), form, request.headers.get("range"))
            )
            return await run_in_threadpool(answer, asked)
        except TriageError as error:
            return await run_in_threadpool(_said_in, desk, session, error)

    return endpoint


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form; of two with one name the last.

    Raises:
        DeskError: it is no form of ours.
    """
    if request.method != "POST":
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise DeskError(415, "The desk takes its own forms alone.")
    body = await request.body()
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:  # not ASCII, or too many fields
        raise DeskError(400, "The form could not be read.") from error


def status_of(error: TriageError) -> int:
    """With which status of HTTP an error is said."""
    if isinstance(error, DeskError):
        return error.status
    if isinstance(error, DecisionConflict):
        return 409
    if isinstance(error, CaseFullError):
        return 507
    return 400 if isinstance(error, UsageError) else 500


def said(values: Mapping[str, object] | None, error: TriageError) -> Response:
    """A page that says why there is no other.

    Args:
        values: what stands on every page; None: whoever asks is not in.
    """
    shown: dict[str, object] = {"why": str(error), "is_in": values is not None, **(values or {})}
    return HTMLResponse(page("said.html", shown), status_of(error))


def _said_in(desk: Desk, session: Session, error: TriageError) -> Response:
    return said(everywhere(desk, session), error)


def shown(asked: Asked, template: str, values: Mapping[str, object], status: int = 200) -> Response:
    """A page with what stands on every page."""
    return HTMLResponse(page(template, {**everywhere(asked.desk, asked.session), **values}), status)


def everywhere(desk: Desk, session: Session) -> dict[str, object]:
    """What every page says: whose it is, and what is under way."""
    sentence, session.said = session.said, ""
    return {
        "is_in": True,
        "title": desk.title,
        "author": session.author,
        "role": session.role.value,
        "is_analyst": session.role.may(DeskRole.ANALYST),
        "is_lead": session.role.may(DeskRole.LEAD),
        "has_accounts": desk.doors.has_accounts,
        "csrf": session.csrf,
        "has_keys": session.has_keys,
        "sentence": sentence,
        "under_way": len(desk.maker.under_way()),
        "pause": "",
    }


def back_to(address: str, asked: Asked | None = None, sentence: str = "") -> Response:
    """Lead a browser on after a form, with a sentence for the next page."""
    if asked is not None and sentence:
        asked.session.said = sentence
    return RedirectResponse(address, 303)

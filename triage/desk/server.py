"""The desk served, until somebody stops it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from triage.case.store import open_case
from triage.desk.accounts import Accounts
from triage.desk.app import make_app
from triage.desk.asking import Desk
from triage.desk.binding import Bound
from triage.desk.doors import Doors
from triage.desk.making import Maker
from triage.desk.overview import Overviews
from triage.desk.views import Views
from triage.names import shown

STOP_S = 5
"""How long answers under way may take once the desk is stopped."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A desk that is to be served."""

    folder: Path
    """Of the case."""
    owner: str
    """Who decides at it, where there are no accounts."""
    accounts: Accounts | None
    settings: str
    """For what is made on demand."""


def make_desk(wanted: Wanted, bound: Bound) -> Desk:
    """The desk of a case, before anybody is in.

    Raises:
        UsageError: there is no case.
        CaseError: it cannot be used; a newer version made it, or it cannot be written.
    """
    with open_case(wanted.folder):
        pass  # only to refuse where there is none, before one would be made
    with open_case(wanted.folder, make=True):
        pass  # a case of an earlier version gets its tables now, and not at the first decision
    folder = wanted.folder
    overviews = Overviews(folder, lambda: open_case(folder))
    overviews.newest()  # whoever comes in first does not wait for it
    return Desk(
        folder=folder,
        title=shown(folder.absolute().name),
        doors=Doors(wanted.owner, wanted.accounts),
        maker=Maker(folder, wanted.settings),
        overviews=overviews,
        views=Views(),
        cookie=f"{'__Host-' if bound.tls else ''}triage-desk-{bound.port}",
        is_secure=bound.tls is not None,
    )


def serve(wanted: Wanted, bound: Bound, tell_link: Callable[[str], None]) -> None:
    """Serve it until Ctrl-C.

    Args:
        tell_link: called with the address that lets somebody in, at first and whenever one was used.
    """
    desk = make_desk(wanted, bound)

    def tell(token: str) -> None:
        tell_link(f"{bound.origin}/enter?token={token}" if wanted.accounts is None else f"{bound.origin}/")

    config = uvicorn.Config(
        make_app(desk, bound, tell),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_S,
        ssl_certfile=bound.tls.cert if bound.tls else None,
        ssl_keyfile=bound.tls.key if bound.tls else None,
    )
    tell(desk.doors.token)
    try:
        uvicorn.Server(config).run(sockets=[bound.socket])
    finally:
        desk.maker.stop()
        bound.socket.close()

"""Who is let in, and for how long."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.desk.visitor import PASSWORD, Clock, Served, Visitor, add_video, said, team
from triage.case.audit import AuditKind
from triage.desk.accounts import DeskRole
from triage.desk.doors import IDLE_S, LONGEST_S, TRIES, TRIES_OF_ADDRESS, TRIES_WITHIN_S, Doors
from triage.desk.refusal import DeskError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    add_video(tmp_path / "case", "clip")
    return tmp_path / "case"


def test_nobody_is_in_without_the_link(folder: Path) -> None:
    served = Served(folder)
    stranger = Visitor(served)
    video = add_video(folder, "clip")
    for path in ("/", f"/video/{video}", "/exposure", "/rules", "/growth", f"/video/{video}/view/x", "/view/x/file"):
        answer = stranger.get(path)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/door")
    assert "link that lets one browser in" in said(stranger.get("/door"))
    assert stranger.climb(video, "strip").status_code == 401


def test_the_link_lets_one_browser_in_once_and_the_terminal_shows_another(folder: Path) -> None:
    served = Served(folder)
    token = served.desk.doors.token
    first, second = Visitor(served), Visitor(served)
    assert first.get(f"/enter?token={token}").status_code == 200
    answer = second.get(f"/enter?token={token}")
    assert answer.status_code == 403
    assert "used already" in said(answer)
    assert not second.cookies
    assert served.links == [served.desk.doors.token]
    assert served.links[0] != token


@pytest.mark.parametrize("token", ["", "x", "\u202e", "a" * 5000])
def test_another_word_lets_nobody_in_and_costs_the_link_nothing(folder: Path, token: str) -> None:
    served = Served(folder)
    assert Visitor(served).get("/enter", {}).status_code == 403
    assert Visitor(served).get(f"/enter?token={token}").status_code == 403
    assert served.visitor().get("/").status_code == 200


def test_the_cookie_is_strict_and_no_script_reads_it(folder: Path) -> None:
    served = Served(folder)
    answer = Visitor(served).get(f"/enter?token={served.desk.doors.token}")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "max-age" not in cookie
    assert "expires" not in cookie


def test_a_form_without_the_sessions_word_does_nothing(folder: Path) -> None:
    visitor = Served(folder).visitor()
    for word in ("", "x", "ü"):
        answer = visitor.post("/leave", {"csrf": word})
        assert answer.status_code == 403
        assert "not of this session" in said(answer)
    assert visitor.get("/").status_code == 200


def test_whoever_does_nothing_for_long_has_to_come_in_again(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    served.clock.now += IDLE_S - 1
    assert visitor.get("/").status_code == 200
    served.clock.now += IDLE_S + 1
    assert visitor.get("/").status_code == 303


def test_nobody_stays_in_for_more_than_a_day_of_work(folder: Path) -> None:
    served = Served(folder)
    visitor = served.visitor()
    for _ in range(LONGEST_S // 3600):
        served.clock.now += 3600
        last = visitor.get("/").status_code
    assert last == 200
    served.clock.now += 60
    assert visitor.get("/").status_code == 303


def test_who_leaves_is_out_with_the_same_cookie(folder: Path) -> None:
    visitor = Served(folder).visitor()
    cookies = dict(visitor.cookies)
    assert visitor.post("/leave").status_code == 303
    visitor.cookies = cookies
    assert visitor.get("/").status_code == 303


def test_a_password_lets_its_owner_in_with_their_role_and_is_on_record(folder: Path) -> None:
    served = Served(folder, team("amal", ines=DeskRole.LEAD))
    page = served.visitor("ines").get("/")
    assert "ines, lead" in said(page)
    assert "amal, analyst" in said(served.visitor("amal").get("/"))
    with served.desk.reading() as case:
        came = [entry for entry in case.audit.entries() if entry.kind == AuditKind.ACCOUNT]
    assert [entry.author for entry in came] == ["ines", "amal"]


def test_a_desk_with_accounts_has_no_link(folder: Path) -> None:
    served = Served(folder, team("amal"))
    assert Visitor(served).get(f"/enter?token={served.desk.doors.token}").status_code == 403


def test_wrong_passwords_are_refused_alike_for_known_and_unknown_names(folder: Path) -> None:
    served = Served(folder, team("amal"))
    answers = [Visitor(served).post("/login", {"name": name, "password": "wrong"}) for name in ("amal", "nobody")]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert said(answers[0]) == said(answers[1])


def test_too_many_wrong_passwords_have_to_wait_and_the_right_one_too() -> None:
    clock = Clock()
    doors = Doors("owner", team("amal"), clock)
    for _ in range(TRIES):
        with pytest.raises(DeskError, match="do not belong together"):
            doors.log_in("amal", "wrong", "10.0.0.1")
    with pytest.raises(DeskError, match="Wait 15 min"):
        doors.log_in("amal", PASSWORD, "10.0.0.1")
    doors.log_in("amal", PASSWORD, "10.0.0.2")  # nobody keeps a colleague out from elsewhere
    clock.now += TRIES_WITHIN_S + 1
    doors.log_in("amal", PASSWORD, "10.0.0.1")


def test_one_address_cannot_try_many_names() -> None:
    doors = Doors("owner", team("amal"), Clock())
    for number in range(TRIES_OF_ADDRESS):
        with pytest.raises(DeskError, match="do not belong together"):
            doors.log_in(f"name {number}", "wrong", "10.0.0.1")
    with pytest.raises(DeskError, match="too many wrong passwords"):
        doors.log_in("amal", PASSWORD, "10.0.0.1")


def test_what_is_kept_of_a_cookie_lets_nobody_in() -> None:
    doors = Doors("owner", None, Clock())
    cookie = doors.enter(doors.token)
    assert doors.session(cookie) is not None
    assert all(doors.session(key) is None for key in doors._sessions)
    assert cookie not in repr(doors._sessions)

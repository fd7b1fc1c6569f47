from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.blinking import clip, seeing
from tests.examples import video_id
from tests.report.cases import HOSTILE, SEALED, made_case, pages
from tests.run.test_local import run as scan
from tests.run.test_sheets import Seen
from triage.case.decisions import Rung
from triage.case.review import Copied
from triage.case.store import Case, open_case
from triage.errors import CaseError
from triage.findings import registry
from triage.names import shown
from triage.pipeline import make_stages
from triage.records import Sealed
from triage.report.item import page_of
from triage.run.blurring import Original
from triage.run.reporting import Made, Wished, make_report
from triage.settings import load_settings

SETTINGS = load_settings("default", []).settings


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_models(_: object) -> tuple[list[Any], list[Any]]:
        return [seeing()], []

    monkeypatch.setattr(registry, "open_models", open_models)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Case]:
    """A case of made-up reports."""
    with made_case(tmp_path / "told") as case:
        yield case


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    """A case of drawn clips."""
    (tmp_path / "dump").mkdir()
    clip(tmp_path / "dump/one.mp4", pictures=15)
    clip(tmp_path / "dump/two.mp4", pictures=20)
    with open_case(tmp_path / "case", make=True) as opened:
        scan(tmp_path / "dump", opened, make_stages(SETTINGS, [seeing()]))
        yield opened


def report(case: Case, out: Path, wished: Wished | None = None, drawn: list[Path] | None = None) -> Made:
    def drawing(originals: Sequence[Original]) -> Seen:
        if drawn is not None:
            drawn.extend(original.path for original in originals)
        return Seen()

    return make_report(case, out, wished or Wished(), SETTINGS, drawing)


def copied(case: Case, tmp_path: Path, style: str, words: bytes = b"masked", **rest: Any) -> Copied:
    """A review copy of the video ``third`` as ``triage blur`` notes it."""
    path = tmp_path / f"third.{style}.review.mp4"
    path.write_bytes(words)
    sha256 = hashlib.sha256(words).hexdigest()
    made = Copied(
        video_id("third"), "2026-11-23T13:05:00Z", path, sha256, style, "graphic,minor_faces", "", "", "copied"
    )
    case.review.note(replace(made, **rest))
    return made


def files(out: Path) -> set[str]:
    return {file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()}


def test_a_report_without_wishes_holds_no_picture(case: Case, tmp_path: Path) -> None:
    made = report(case, tmp_path / "out")
    assert made.told == 2
    assert not [name for name in files(tmp_path / "out") if name.endswith((".jpg", ".png", ".mp4"))]
    assert made.sha256 == hashlib.sha256((tmp_path / "out/SHA256SUMS").read_bytes()).hexdigest()


def test_a_strip_is_on_a_page_of_its_own_to_which_the_words_lead(case: Case, tmp_path: Path) -> None:
    made = report(case, tmp_path / "out", Wished(strips=True))
    found = pages(tmp_path / "out")
    for video, [picture] in made.pictures.items():
        rung_page = page_of(video).replace(".html", ".strip.html")
        assert f"../../{rung_page}" in found[page_of(video)].addresses
        assert found[page_of(video)].embedded == []
        assert found[rung_page].embedded == ["img"]
        assert f"../../{picture.name}" in found[rung_page].addresses
    assert len(made.pictures) == 2
    assert sum(page.embedded != [] for page in found.values()) == 2


def test_strips_of_an_earlier_report_are_not_drawn_again_unless_they_were_changed(case: Case, tmp_path: Path) -> None:
    drawn: list[Path] = []
    report(case, tmp_path / "out", Wished(strips=True), drawn)
    strips = sorted((tmp_path / "out/strips").iterdir())
    strips[0].write_bytes(b"something else")
    before = strips[1].read_bytes()
    report(case, tmp_path / "out", Wished(strips=True), drawn)
    assert len(drawn) == 3
    assert strips[0].read_bytes() != b"something else"
    assert strips[1].read_bytes() == before


def test_drawing_that_is_stopped_leaves_a_report_with_what_was_drawn(case: Case, tmp_path: Path) -> None:
    class Stopping(Seen):
        def begin(self, original: Original) -> None:
            if original.path.name == "two.mp4":
                raise KeyboardInterrupt

    made = make_report(case, tmp_path / "out", Wished(strips=True), SETTINGS, lambda _: Stopping())
    assert made.was_stopped
    assert (tmp_path / "out/index.html").is_file()
    assert sum(name.startswith("strips/") for name in files(tmp_path / "out")) <= 1


def test_review_copies_go_along_one_rung_at_a_time(told: Case, tmp_path: Path) -> None:
    copied(told, tmp_path, "drawing", b"drawn")
    copied(told, tmp_path, "blur", b"blurred")
    report(told, tmp_path / "out", Wished(copies=True))
    found, start = pages(tmp_path / "out"), page_of(video_id("third"))
    drawing, blurred = (start.replace(".html", f".{rung}.html") for rung in (Rung.DRAWING, Rung.BLURRED))
    assert f"../../{drawing}" in found[start].addresses
    assert f"../../{blurred}" not in found[start].addresses
    assert f"../../{blurred}" in found[drawing].addresses
    assert found[blurred].embedded == ["video"]
    page = (tmp_path / "out" / blurred).read_text()
    assert "autoplay" not in page
    assert 'muted preload="none"' in page
    held = {name for name in files(tmp_path / "out") if name.endswith(".mp4")}
    assert held == {f"copies/{video_id('third')[:16]}-{rung}.mp4" for rung in ("drawing", "blurred")}


def test_a_copy_that_was_changed_is_not_taken(told: Case, tmp_path: Path) -> None:
    copied(told, tmp_path, "blur")
    (tmp_path / "third.blur.review.mp4").write_bytes(b"an unmasked original")
    made = report(told, tmp_path / "out", Wished(copies=True))
    assert len(made.without) == 1
    assert not [name for name in files(tmp_path / "out") if name.endswith(".mp4")]


def test_a_copy_in_which_something_was_revealed_is_not_taken(told: Case, tmp_path: Path) -> None:
    copied(told, tmp_path, "blur", revealed="minor_faces", why_revealed="asked by the court")
    assert report(told, tmp_path / "out", Wished(copies=True)).pictures == {}


def test_a_copy_of_what_is_sealed_is_not_taken(told: Case, tmp_path: Path) -> None:
    copied(told, tmp_path, "blur", video=SEALED.id)
    report(told, tmp_path / "out", Wished(copies=True))
    assert not [name for name in files(tmp_path / "out") if name.endswith(".mp4")]


def seal_while_reading(case: Case, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """As if a scan went on and sealed ``clip`` after its row was read."""
    rows = case.rows
    left = [times]

    def sealing(*asked: Any, **named: Any) -> Iterator[Any]:
        yield from rows(*asked, **named)
        if left[0]:
            left[0] -= 1
            case.save(Sealed(video_id("clip"), 0, SEALED.why, SEALED.provenance))

    monkeypatch.setattr(case, "rows", sealing)


def test_what_is_sealed_while_the_report_is_written_is_nowhere_in_it(
    told: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triage.run.reporting._families", lambda *_: None)
    seal_while_reading(told, monkeypatch, 1)
    report(told, tmp_path / "out")
    assert not (tmp_path / "out" / page_of(video_id("clip"))).exists()
    for file in (tmp_path / "out").rglob("*"):
        assert not file.is_file() or "alert(1)" not in file.read_text(encoding="utf-8"), file
    assert video_id("clip") in pages(tmp_path / "out")["sealed.html"].text


def test_a_report_gives_up_where_videos_are_sealed_again_and_again(
    told: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told, "is_sealed", lambda _: True)
    monkeypatch.setattr(told, "sealed", lambda _: None)
    with pytest.raises(CaseError, match="goes on sealing"):
        report(told, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_groups_of_copies_are_drawn_with_the_best_surviving_one(told: Case, tmp_path: Path) -> None:
    report(told, tmp_path / "out")
    page = pages(tmp_path / "out")["copies-1.html"]
    assert "Group 1: 2 copies" in page.text
    assert "None of their files is where it was" in page.text  # /dump is not there
    assert shown(HOSTILE) in page.text
    assert page_of(video_id("clip")) in page.addresses

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.blinking import WHITE, clip, seeing
from tests.examples import nobody
from tests.frames.sandbox.liar import crash_over
from tests.run.test_blurring import Watched, scripted
from tests.run.test_local import run as scan
from triage.case.store import Case, open_case
from triage.errors import UsageError
from triage.findings import registry
from triage.findings.scripted import Said, Scripted
from triage.geometry import Box
from triage.pipeline import make_stages
from triage.records import Frame, Label, Role
from triage.run.blurring import Original, of_case
from triage.run.sheets import MARK, PAGE, Became, Entry, Sheets, page
from triage.settings import load_settings

__all__ = ["scripted"]
SETTINGS = load_settings("default", []).settings


class Seen(Watched):
    def end_strip(self, original: Original, *, is_made: bool, why: str) -> None:
        self.why[original.path.name] = why


def drawn(case: Case, out: Path) -> dict[str, Entry]:
    entries = Sheets(case, out, SETTINGS).draw_all(list(of_case(case, None)), Seen())
    return {Path(entry.row["video"]["path"]).name: entry for entry in entries}


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    folder = tmp_path / "dump"
    folder.mkdir()
    clip(folder / "a <b>&.mp4", pictures=50)
    (folder / "note.mp4").write_text("only words\n" * 20)
    return folder


@pytest.fixture
def case(tmp_path: Path, dump: Path) -> Iterator[Case]:
    with open_case(tmp_path / "case", make=True) as opened:
        scan(dump, opened, make_stages(SETTINGS, [seeing()]))
        yield opened


def shows_a_square(strip: Path) -> bool:
    """Whether there is anything white in the pictures of a strip, which have rows below them that are white."""
    image = cv2.imread(str(strip))
    assert image is not None
    tiles = [image[6:219, 6 + 326 * column : 326 + 326 * column] for column in range(image.shape[1] // 326)]
    return any((np.asarray(tile).min(axis=2) > WHITE).sum() > 60 for tile in tiles)


def test_a_strip_shows_no_face_and_the_page_every_video(case: Case, tmp_path: Path) -> None:
    entries = drawn(case, tmp_path / "out")
    assert {name: entry.became for name, entry in entries.items()} == {
        "a <b>&.mp4": Became.DRAWN,
        "note.mp4": Became.WITHOUT_PICTURES,
    }
    assert not shows_a_square(tmp_path / "out" / entries["a <b>&.mp4"].strip)
    text = (tmp_path / "out" / PAGE).read_text(encoding="utf-8")
    assert "1. a &lt;b&gt;&amp;.mp4" in text
    assert "REVIEW COPY, masked" in text
    assert "<b>" not in text
    assert "looks like text" in text
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")


def test_the_check_of_these_tests_sees_a_square(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.masking.by_style", lambda *_: {})
    monkeypatch.setattr(registry, "open_models", lambda _: ([seeing(nobody)], []))
    entries = drawn(case, tmp_path / "out")
    assert shows_a_square(tmp_path / "out" / entries["a <b>&.mp4"].strip)


def test_what_the_scan_missed_is_found_in_the_pictures_of_a_strip(dump: Path, tmp_path: Path) -> None:
    with open_case(tmp_path / "blind", make=True) as case:
        scan(dump, case, make_stages(SETTINGS, [seeing(nobody)]))
        entries = drawn(case, tmp_path / "out")
    assert not shows_a_square(tmp_path / "out" / entries["a <b>&.mp4"].strip)


def test_what_is_sealed_has_no_strip(dump: Path, tmp_path: Path) -> None:
    def sexual(_: Frame) -> Said:
        yield Label.SEXUAL, 0.9, Box(50, 40, 90, 60)

    with open_case(tmp_path / "sealed", make=True) as case:
        scan(dump, case, make_stages(SETTINGS, [Scripted(sexual, (Role.PEOPLE, Role.SEXUAL))]))
        entries = drawn(case, tmp_path / "out")
    assert entries["a <b>&.mp4"].became is Became.SEALED
    assert not list((tmp_path / "out/strips").iterdir())


def test_a_source_that_changed_has_no_strip(case: Case, dump: Path, tmp_path: Path) -> None:
    clip(dump / "a <b>&.mp4", pictures=20)
    entry = drawn(case, tmp_path / "out")["a <b>&.mp4"]
    assert entry.became is Became.REFUSED
    assert "it is not what was examined" in entry.why


@pytest.mark.parametrize("reading", [1, 2])
def test_a_decoder_that_crashes_costs_its_own_strip_and_no_other(
    reading: int, dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip(dump / "other.mp4", pictures=15)
    with open_case(tmp_path / "case", make=True) as case:
        scan(dump, case, make_stages(SETTINGS, [seeing()]))
        crash_over(monkeypatch, dump / "other.mp4", "pictures", reading)
        entries = drawn(case, tmp_path / "out")
    assert {name: entry.became for name, entry in entries.items()} == {
        "a <b>&.mp4": Became.DRAWN,
        "other.mp4": Became.REFUSED,
        "note.mp4": Became.WITHOUT_PICTURES,
    }
    assert entries["other.mp4"].why == "the decoder was stopped at its beginning: it crashed (SIGSEGV)"
    assert entries["other.mp4"].why in (tmp_path / "out" / PAGE).read_text(encoding="utf-8")


def test_another_page_is_never_written_over(case: Case, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for text in ("<html>mine</html>", "", f"a\nb\n{MARK}\n"):
        (tmp_path / "out" / PAGE).write_text(text)
        with pytest.raises(UsageError, match="no page of contact sheets by triage"):
            drawn(case, tmp_path / "out")
        assert (tmp_path / "out" / PAGE).read_text() == text


def test_a_page_of_ours_is_made_anew(case: Case, tmp_path: Path) -> None:
    drawn(case, tmp_path / "out")
    before = (tmp_path / "out" / PAGE).read_text(encoding="utf-8")
    drawn(case, tmp_path / "out")
    assert (tmp_path / "out" / PAGE).read_text(encoding="utf-8") == before


def test_an_empty_page_is_a_page() -> None:
    assert page([]).split("\n")[1] == MARK

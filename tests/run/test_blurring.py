from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import media
from tests.blinking import calm, clip, seeing, shows_white
from tests.examples import nobody
from tests.frames.sandbox.liar import crash_over
from tests.run.test_local import run as scan
from triage.case.store import Case, open_case
from triage.copying import Pass, Wish
from triage.errors import CaseFullError
from triage.findings import registry
from triage.findings.scripted import Said, Scripted
from triage.geometry import Box
from triage.pipeline import make_stages
from triage.records import Covered, Frame, Label, Queue, Role, Style
from triage.run.blurring import Became, Copier, Original, Outcome, Tally, of_case, of_files
from triage.run.copy_list import NAME
from triage.settings import Settings, load_settings


@dataclass
class Watched:
    """A watcher that remembers."""

    became: dict[str, Became] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    passes: list[Pass] = field(default_factory=list)

    def begin(self, original: Original) -> None:
        pass

    def at(self, doing: Pass, time_ms: int, length_ms: int | None) -> None:
        if doing not in self.passes:
            self.passes.append(doing)

    def end(self, original: Original, outcome: Outcome) -> None:
        self.became[original.path.name] = outcome.became
        self.why[original.path.name] = outcome.why


SETTINGS = load_settings("default", []).settings


def copies(out: Path, originals: Sequence[Original], case: Case | None = None, **how: Any) -> Watched:
    watched = Watched()
    Copier(how.pop("wish", Wish()), out, SETTINGS, case, **how).copy_all(originals, watched, Tally())
    return watched


def listed(out: Path) -> dict[str, dict[str, str]]:
    with (out / NAME).open(encoding="utf-8", newline="") as file:
        return {row["original"]: row for row in csv.DictReader(file)}


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """White squares are faces to every model; remembers what models were opened for."""
    opened: list[Settings] = []

    def open_models(settings: Settings) -> tuple[list[Scripted], list[Any]]:
        opened.append(settings)
        return [seeing()], []

    monkeypatch.setattr(registry, "open_models", open_models)
    return opened


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    folder = tmp_path / "dump"
    folder.mkdir()
    clip(folder / "clip.mp4", pictures=15)
    shutil.copy(folder / "clip.mp4", folder / "twin.mp4")
    calm(folder / "calm.mp4")
    media.still(folder / "picture.png")
    (folder / "note.mp4").write_text("only words\n" * 20)
    return folder


@pytest.fixture
def case(tmp_path: Path, dump: Path) -> Iterator[Case]:
    with open_case(tmp_path / "case", make=True) as opened:
        scan(dump, opened, make_stages(SETTINGS, [seeing()]))
        yield opened


def of_paths(folder: Path, *names: str) -> list[Original]:
    return list(of_files(folder / name for name in names))


def test_every_content_of_a_case_has_a_row_and_what_can_be_copied_a_copy(case: Case, tmp_path: Path) -> None:
    out = tmp_path / "out"
    watched = copies(out, list(of_case(case, None)), case)
    assert watched.became == {
        "clip.mp4": Became.COPIED,
        "calm.mp4": Became.COPIED,
        "picture.png": Became.COPIED,
        "note.mp4": Became.WITHOUT_PICTURES,
    }, "twin.mp4 is the same content as clip.mp4"
    rows = listed(out)
    assert set(rows) == set(watched.became)
    assert rows["clip.mp4"]["copy"] == "clip.review.mp4"
    assert rows["clip.mp4"]["seconds_covered"] == "0.600"
    assert rows["clip.mp4"]["covers"] == "graphic,minor_faces,faces"
    assert rows["calm.mp4"]["seconds_covered"] == "0.000"
    assert rows["picture.png"]["copy"] == "picture.review.png"
    assert "looks like text" in rows["note.mp4"]["outcome"]
    assert not shows_white(out / "clip.review.mp4")
    assert Pass.EXAMINING not in watched.passes, "all was known from the case"


def test_the_case_keeps_a_log_of_what_was_tried(case: Case, tmp_path: Path) -> None:
    originals = list(of_case(case, None))
    wish = Wish((Covered.GRAPHIC,), revealed=(Covered.MINOR_FACES,), why="asked by the family")
    copies(tmp_path / "out", originals, case, wish=wish)
    kept = {entry.path.name: entry for entry in case.review.all() if entry.path}
    assert set(kept) == {"clip.review.mp4", "calm.review.mp4", "picture.review.png"}
    entry = kept["clip.review.mp4"]
    assert entry.sha256 == listed(tmp_path / "out")["clip.mp4"]["copy_sha256"]
    assert (entry.revealed, entry.why_revealed) == ("minor_faces", "asked by the family")
    assert entry.at.endswith("Z")
    assert len(case.review.all()) == 4
    copies(tmp_path / "out", originals, case, wish=Wish(), force=True)
    assert len(case.review.all()) == 8, "a log is only added to"
    assert [one.path for one in case.review.all(entry.video)] == [entry.path, entry.path]


def test_what_is_sealed_is_never_opened_for_a_copy(dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sexual(frame: Frame) -> Said:
        if frame.video.height_px == 128:
            yield Label.SEXUAL, 0.9, Box(50, 40, 90, 60)

    with open_case(tmp_path / "case", make=True) as case:
        scan(
            dump, case, make_stages(SETTINGS, [Scripted(sexual, (Role.PEOPLE, Role.SEXUAL, Role.FACES, Role.GRAPHIC))])
        )
        originals = list(of_case(case, None))
        opened: list[Path] = []
        monkeypatch.setattr("triage.run.blurring.open_original", opened.append)
        watched = copies(tmp_path / "out", [one for one in originals if one.path.name == "clip.mp4"], case, force=True)
    assert watched.became == {"clip.mp4": Became.SEALED}
    assert opened == []
    assert "nothing of it is copied" in listed(tmp_path / "out")["clip.mp4"]["outcome"]
    assert not list((tmp_path / "out").glob("*.mp4"))


def test_what_must_be_sealed_is_sealed_and_not_copied_also_when_it_is_seen_only_now(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sexual(_: Frame) -> Said:
        yield Label.SEXUAL, 0.9, Box(50, 40, 90, 60)

    roles = (Role.PEOPLE, Role.SEXUAL, Role.FACES, Role.GRAPHIC, Role.WEAPONS)
    monkeypatch.setattr(registry, "open_models", lambda _: ([Scripted(sexual, roles)], []))
    originals = [one for one in of_case(case, None) if one.path.name == "clip.mp4"]
    wish = Wish((Covered.WEAPONS,))  # nobody looked for these, so the video is examined anew
    watched = copies(tmp_path / "out", originals, case, wish=wish)
    assert watched.became == {"clip.mp4": Became.SEALED}
    assert case.is_sealed(originals[0].video or "")


def test_a_video_that_was_not_examined_for_what_is_to_be_covered_is_examined_now(case: Case, tmp_path: Path) -> None:
    originals = [one for one in of_case(case, None) if one.path.name == "clip.mp4"]
    watched = copies(tmp_path / "out", originals, case, wish=Wish((Covered.WEAPONS,)))
    assert watched.passes[0] is Pass.EXAMINING


def test_a_source_that_changed_since_the_scan_is_refused(case: Case, dump: Path, tmp_path: Path) -> None:
    originals = [one for one in of_case(case, None) if one.path.name == "clip.mp4"]
    media.video(dump / "clip.mp4", pictures=20)
    watched = copies(tmp_path / "out", originals, case)
    assert watched.became == {"clip.mp4": Became.REFUSED}
    assert "it is not what was examined" in watched.why["clip.mp4"]


def test_a_source_that_is_gone_is_refused(case: Case, dump: Path, tmp_path: Path) -> None:
    originals = [one for one in of_case(case, None) if one.path.name == "clip.mp4"]
    (dump / "clip.mp4").unlink()
    assert copies(tmp_path / "out", originals, case).became == {"clip.mp4": Became.REFUSED}


def test_a_source_that_changes_while_it_is_copied_has_no_copy(dump: Path, tmp_path: Path) -> None:
    class Touching(Watched):
        def at(self, doing: Pass, time_ms: int, length_ms: int | None) -> None:
            if doing is Pass.CHECKING:
                os.utime(dump / "clip.mp4", (1, 1))

    watched = Touching()
    Copier(Wish(), tmp_path / "out", SETTINGS).copy_all(of_paths(dump, "clip.mp4"), watched, Tally())
    assert "it changed while it was being copied" in watched.why["clip.mp4"]
    assert not list((tmp_path / "out").glob("*.mp4*"))


def test_a_queue_chooses_what_is_copied(case: Case) -> None:
    assert [one.path.name for one in of_case(case, Queue.UNREADABLE)] == ["note.mp4"]


def test_videos_without_a_case_are_examined_first(dump: Path, tmp_path: Path, scripted: list[Settings]) -> None:
    watched = copies(tmp_path / "out", of_paths(dump, "clip.mp4", "twin.mp4", "note.mp4", "picture.png"))
    assert watched.became == {
        "clip.mp4": Became.COPIED,
        "twin.mp4": Became.SAME_BYTES,
        "note.mp4": Became.REFUSED,
        "picture.png": Became.COPIED,
    }
    assert watched.passes == list(Pass)
    assert not shows_white(tmp_path / "out/clip.review.mp4")
    roles = (
        set(scripted[-1].detecting.roles)
        if len(scripted) == 1
        else {r for one in scripted for r in one.detecting.roles}
    )
    assert roles >= {Role.FACES, Role.GRAPHIC, Role.PEOPLE, Role.MINORS, Role.SEXUAL}


def test_what_searches_a_copy_sees_larger_pictures_than_what_examined_it(
    dump: Path, tmp_path: Path, scripted: list[Settings]
) -> None:
    copies(tmp_path / "out", of_paths(dump, "clip.mp4"))
    examining, *searching = scripted
    assert examining.detecting.image_px == 0
    assert sorted(one.detecting.image_px for one in searching) == [416, 640]


def test_a_second_run_makes_nothing_twice_and_another_wish_is_refused(dump: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    copies(out, of_paths(dump, "clip.mp4", "picture.png"))
    assert copies(out, of_paths(dump, "picture.png")).became == {"picture.png": Became.ALREADY}
    before = (out / "clip.review.mp4").stat().st_mtime_ns
    again = copies(out, of_paths(dump, "clip.mp4"))
    assert again.became == {"clip.mp4": Became.ALREADY}
    assert again.passes == []
    pixels = copies(out, of_paths(dump, "clip.mp4"), wish=Wish(style=Style.PIXELATE))
    assert pixels.became == {"clip.mp4": Became.REFUSED}
    assert "--force makes it anew" in pixels.why["clip.mp4"]
    assert (out / "clip.review.mp4").stat().st_mtime_ns == before
    assert copies(out, of_paths(dump, "clip.mp4"), force=True).became == {"clip.mp4": Became.COPIED}


def test_two_videos_of_one_name_have_two_copies(dump: Path, tmp_path: Path) -> None:
    (dump / "more").mkdir()
    media.video(dump / "more/clip.mp4", pictures=10)
    copies(tmp_path / "out", of_paths(dump, "clip.mp4", "more/clip.mp4"))
    assert len(list((tmp_path / "out").glob("clip*.review.mp4"))) == 2


def test_videos_in_which_nothing_was_found_can_be_left_out(dump: Path, tmp_path: Path) -> None:
    watched = copies(tmp_path / "out", of_paths(dump, "clip.mp4", "calm.mp4"), only_findings=True)
    assert watched.became == {"clip.mp4": Became.COPIED, "calm.mp4": Became.NOTHING_FOUND}


def test_one_video_that_cannot_be_copied_does_not_stop_the_others(dump: Path, tmp_path: Path) -> None:
    watched = copies(tmp_path / "out", of_paths(dump, "note.mp4", "clip.mp4"))
    assert watched.became["clip.mp4"] is Became.COPIED


@pytest.mark.parametrize("reading", [1, 2])
def test_a_decoder_that_crashes_costs_its_own_copy_and_no_other(
    reading: int, dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_over(monkeypatch, dump / "clip.mp4", "pictures", reading)
    watched = copies(tmp_path / "out", of_paths(dump, "clip.mp4", "calm.mp4"))
    assert watched.became == {"clip.mp4": Became.REFUSED, "calm.mp4": Became.COPIED}
    assert watched.why["clip.mp4"] == "the decoder was stopped at its beginning: it crashed (SIGSEGV)"
    assert watched.why["clip.mp4"] in listed(tmp_path / "out")["clip.mp4"]["outcome"]
    assert not list((tmp_path / "out").glob("clip.review*"))


def test_a_full_disk_stops_the_run_and_leaves_no_part_of_a_copy(
    dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise CaseFullError("the disk is full")

    monkeypatch.setattr("triage.copying.join_copies", full)
    with pytest.raises(CaseFullError):
        copies(tmp_path / "out", of_paths(dump, "clip.mp4", "calm.mp4"))
    assert [file.name for file in (tmp_path / "out").iterdir()] == [".copies.lock"]


def test_where_nobody_looked_for_faces_all_is_covered(
    dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "open_models", lambda _: ([Scripted(nobody, (Role.PEOPLE,))], []))
    assert copies(tmp_path / "out", of_paths(dump, "clip.mp4")).became == {"clip.mp4": Became.COPIED}
    assert listed(tmp_path / "out")["clip.mp4"]["seconds_covered"] == "0.600"
    assert not shows_white(tmp_path / "out/clip.review.mp4")

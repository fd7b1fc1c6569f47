from __future__ import annotations

import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests import media
from tests.blinking import (
    BELOW,
    ROLES,
    clip,
    is_covered_whole,
    pictures_of,
    report_on,
    seeing,
    shows_white,
    squares,
    white_is_a_face,
)
from tests.examples import nobody
from tests.frames.sandbox.liar import crash_over
from tests.redaction import clips
from triage import copying
from triage.copying import Made, Pass, Sounding, Wish, copy_video, has_findings, is_made
from triage.durable import sha256_of
from triage.errors import CaseError, CaseFullError, DetectorError, RedactionError, VideoError
from triage.findings.scripted import Said, Scripted
from triage.frames.sandbox import memory, pictures
from triage.geometry import Box
from triage.records import Covered, Frame, Label, Report, Role, Style
from triage.redaction import otherwise
from triage.redaction.writer import write_copy
from triage.searching import search


@pytest.fixture(autouse=True)
def _light_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in for a model looks for white, and equalising makes white of what is only bright."""
    monkeypatch.setattr(otherwise, "_spread", np.array)


def made(tmp_path: Path, report: Report | None = None, searchers: Sequence[Scripted] = (), **how: Any) -> Made:
    original = tmp_path / "clip.mp4"
    if not original.exists():
        clip(original)
    wish = how.pop("wish", Wish())
    return copy_video(
        original, report or report_on(original), wish, searchers or [seeing(title="other")], target(tmp_path), **how
    )


def target(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir(exist_ok=True)
    return tmp_path / "out" / "clip.review.mp4"


def sidecar(tmp_path: Path) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(target(tmp_path).with_name("clip.review.mp4.json").read_bytes())
    return row


def left(tmp_path: Path) -> list[str]:
    return sorted(file.name for file in target(tmp_path).parent.iterdir())


def test_a_copy_shows_no_face_in_any_picture_and_has_as_many_pictures(tmp_path: Path) -> None:
    assert shows_white(clip(tmp_path / "clip.mp4"))
    result = made(tmp_path)
    copy = result.copy
    assert len(pictures_of(copy.path)) == 50
    assert not shows_white(copy.path)
    assert left(tmp_path) == ["clip.review.mp4", "clip.review.mp4.json"]
    assert (result.length_ms, result.covered_ms) == (2000, 2000)


def test_what_the_plan_missed_is_found_in_the_copy_and_covered(tmp_path: Path) -> None:
    report = report_on(clip(tmp_path / "clip.mp4"), [seeing(nobody)])
    result = made(tmp_path, report)
    assert not shows_white(result.copy.path)
    assert len(result.leaks) > 4
    row = sidecar(tmp_path)
    assert row["leaks"]["mended"]["number"] == len(result.leaks)
    assert row["leaks"]["covered_whole"]["number"] == 0
    assert "leaks were covered and the copy written again" in row["checks"][1]
    assert {cover["what"] for cover in row["covers"]} == {"unseen", "minor_faces"}


def test_what_one_look_at_the_copy_finds_is_followed_from_there(tmp_path: Path) -> None:
    report = report_on(clip(tmp_path / "clip.mp4"), [seeing(nobody)])

    def once(frame: Frame) -> Said:
        if 950 <= frame.time_ms < 1150:  # the look that shows all of the picture as it is
            yield from white_is_a_face(frame)

    result = made(tmp_path, report, [seeing(once)])
    assert len({leak.time_ms for leak in result.leaks}) == 1
    assert not shows_white(result.copy.path), "nobody found it a second before or after"


def test_every_other_look_at_a_copy_is_mirrored(tmp_path: Path) -> None:
    clip(tmp_path / "clip.mp4")
    flips: list[bool] = []

    def note(frame: Frame) -> Said:
        flips.append(int(frame.image[-4:, :40, 0].astype(int).mean()) > int(frame.image[-4:, -40:, 0].mean()))
        return ()

    made(tmp_path, searchers=[seeing(note)])
    assert set(flips) == {True, False}


def test_a_leak_seen_in_the_mirror_is_covered_where_it_is(tmp_path: Path) -> None:
    clip(tmp_path / "clip.mp4")
    report = report_on(tmp_path / "clip.mp4", [seeing(nobody)])

    def only_mirrored(frame: Frame) -> Said:
        # The pattern of the clip is darker on the left; mirrored, on the right.
        if frame.image[-4:, :40, 0].mean() > frame.image[-4:, -40:, 0].mean():
            yield from white_is_a_face(frame)

    result = made(tmp_path, report, [seeing(only_mirrored)])
    assert result.leaks
    assert all(58 <= leak.box.y0 <= 62 and 18 <= leak.box.x0 <= 72 for leak in result.leaks)


def test_what_leaks_again_is_covered_whole(tmp_path: Path) -> None:
    clip(tmp_path / "clip.mp4")
    places = [Box(5, 45, 30, 60), Box(100, 90, 120, 110)]

    def elsewhere(frame: Frame) -> Said:
        """Something at the first place that is not covered yet, in the second half."""
        is_whole = frame.video.width_px == 192
        for box in places if is_whole and frame.time_ms > 900 else ():
            x0, y0, x1, y1 = (int(side) for side in box.xyxy)
            if frame.image[y0:y1, x0:x1].std() > 3:
                yield Label.FACE, 0.9, box
                return

    result = made(tmp_path, searchers=[seeing(elsewhere)])
    row = sidecar(tmp_path)
    assert row["leaks"]["mended"]["number"] > 0
    assert row["leaks"]["covered_whole"]["number"] > 0
    assert row["checks"][2] == "what still leaked was covered whole, and the copy written and decoded again"
    assert is_covered_whole(pictures_of(result.copy.path)[-1]), "it leaked twice"


def test_a_leak_in_a_longer_video_costs_the_writing_of_its_part_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip(tmp_path / "clip.mp4", pictures=350)
    monkeypatch.setattr(copying, "PART_MS", 3500)
    written: list[str] = []

    def counted(source: Any, pictures: Any, waiting: Path, covers: Any, **how: Any) -> Any:
        written.append(waiting.name[:6])
        return write_copy(source, pictures, waiting, covers, **how)

    looked: list[int] = []

    def late(frame: Frame) -> Said:
        looked.append(frame.time_ms)
        if frame.time_ms > 13_500 and frame.image[5:20, 5:20].std() > 2:
            yield Label.FACE, 0.9, Box(5, 5, 20, 20)

    monkeypatch.setattr(copying, "write_copy", counted)
    result = made(tmp_path, searchers=[seeing(late)])
    assert result.leaks
    first, again = written[:4], written[4:]
    assert first == ["000000", "000001", "000002", "000003"]
    assert again, "it is followed back from where it was found, but not to the beginning"
    assert not {"000000", "000001"} & set(again)
    at = looked.index(max(looked)) + 1
    assert min(looked[:at]) == 0
    assert min(looked[at:]) >= 7000, "what was searched and is the same is not searched again"
    assert len(pictures_of(result.copy.path)) == 350


def test_a_copy_that_was_interrupted_goes_on_from_the_parts_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip(tmp_path / "clip.mp4")
    monkeypatch.setattr(copying, "PART_MS", 500)
    written: list[int] = []

    def stop(doing: Pass, time_ms: int) -> None:
        if doing is Pass.WRITING:
            written.append(time_ms // 500)
            if time_ms > 1300 and len(written) < 40:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(tmp_path, on_time=stop)
    assert not target(tmp_path).exists()
    written.clear()
    result = made(
        tmp_path, on_time=lambda doing, time_ms: written.append(time_ms // 500) if doing is Pass.WRITING else None
    )
    assert set(written) == {2, 3}
    assert len(pictures_of(result.copy.path)) == 50
    assert left(tmp_path) == ["clip.review.mp4", "clip.review.mp4.json"]


def fails(_: Frame) -> Said:
    raise DetectorError("scripted failed: out of memory")


def test_without_a_search_there_is_no_copy(tmp_path: Path) -> None:
    with pytest.raises(RedactionError, match="could not be searched: scripted failed"):
        made(tmp_path, searchers=[seeing(fails)])
    assert left(tmp_path) == []


@pytest.mark.parametrize("finds", [True, False])
def test_a_search_that_fails_in_the_middle_leaves_no_copy_and_the_next_run_makes_it(
    tmp_path: Path, *, finds: bool
) -> None:
    """In the middle of the first search, or of the second, when a part of the copy has passed already."""
    report = report_on(clip(tmp_path / "clip.mp4"), [seeing(nobody)])
    looks: list[int] = []

    def until_then(frame: Frame) -> Said:
        looks.append(frame.time_ms)
        if len(looks) > (13 if finds else 4):
            raise DetectorError("scripted failed: out of memory")
        return white_is_a_face(frame) if finds else ()

    with pytest.raises(RedactionError, match="could not be searched: scripted failed"):
        made(tmp_path, report, [seeing(until_then)])
    assert 0 < looks[-1] < 2000, "it did not fail in the middle"
    assert (looks.count(0) == 2) is finds, "it failed in another search than was meant"
    assert left(tmp_path) == []
    assert not shows_white(made(tmp_path, report).copy.path)


def test_a_copy_that_nobody_can_search_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(RedactionError, match="no model at hand looks for"):
        made(tmp_path, searchers=[Scripted(white_is_a_face, (Role.PEOPLE,))])


def test_a_detector_that_failed_in_the_middle_leaves_the_rest_covered_whole(tmp_path: Path) -> None:
    clip(tmp_path / "clip.mp4")

    def until_then(frame: Frame) -> Said:
        if frame.time_ms > 1000:
            raise DetectorError("scripted failed: out of memory")
        return white_is_a_face(frame)

    report = report_on(tmp_path / "clip.mp4", [seeing(until_then)], "detecting.batch=1")
    images = pictures_of(made(tmp_path, report).copy.path)
    assert not is_covered_whole(images[5])
    assert all(is_covered_whole(image) for image in images[25:])


def test_a_copy_in_which_covers_are_missing_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "by_style", lambda *_: {})
    with pytest.raises(RedactionError, match="does not hide what it was to hide"):
        made(tmp_path, searchers=[seeing(nobody)])
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda seen: {"times_ms": seen.times_ms[:-1]}, "more pictures than the original"),
        (lambda seen: {"times_ms": array("q", [*seen.times_ms, seen.end_ms])}, "50 pictures instead of 51"),
        (lambda seen: {"end_ms": seen.end_ms + 500}, "an end at"),
        (lambda seen: {"times_ms": array("q", [time_ms + 9 for time_ms in seen.times_ms])}, "a picture at"),
    ],
)
def test_a_copy_that_is_not_like_its_original_in_time_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: Callable[[Any], Mapping[str, Any]], said: str
) -> None:
    def other(path: Path, sha256: str, shown: Any, *rest: Any) -> Any:
        return search(path, sha256, replace(shown, **wrong(shown)), *rest)

    monkeypatch.setattr(copying, "search", other)
    with pytest.raises(RedactionError, match=said):
        made(tmp_path)
    assert left(tmp_path) == []


def test_a_name_that_is_taken_is_not_written_over(tmp_path: Path) -> None:
    first = made(tmp_path).copy
    before = first.path.read_bytes()
    with pytest.raises(RedactionError, match="--force makes it anew"):
        made(tmp_path)
    assert first.path.read_bytes() == before
    again = made(tmp_path, force=True, wish=Wish(style=Style.PIXELATE)).copy
    assert again.style is Style.PIXELATE
    assert again.path.read_bytes() != before


def test_what_triage_did_not_make_is_never_replaced(tmp_path: Path) -> None:
    target(tmp_path).write_bytes(b"somebody's own")
    with pytest.raises(RedactionError, match="triage did not make it"):
        made(tmp_path, force=True)
    assert target(tmp_path).read_bytes() == b"somebody's own"


def test_an_original_that_changes_meanwhile_has_no_copy(tmp_path: Path) -> None:
    def changed() -> None:
        raise RedactionError("it changed while it was being copied")

    with pytest.raises(RedactionError):
        made(tmp_path, make_sure=changed)
    assert left(tmp_path) == []


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    clip(tmp_path / "clip.mp4")
    report = report_on(tmp_path / "clip.mp4")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CaseFullError, match=f"^{re.escape(str(target(tmp_path).parent))}: the disk is full"):
        made(tmp_path, report)
    assert left(tmp_path) == []


def test_a_still_picture_on_a_full_disk_leaves_nothing_behind_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CaseFullError, match=f"^{re.escape(str(target(tmp_path).parent))}: the disk is full"):
        copied_picture(tmp_path)
    assert left(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    target(tmp_path).parent.chmod(0o500)
    with pytest.raises(CaseError):
        made(tmp_path)
    target(tmp_path).parent.chmod(0o700)


def test_what_is_revealed_is_shown_and_stands_in_the_sidecar(tmp_path: Path) -> None:
    clip(tmp_path / "clip.mp4")
    wish = Wish((Covered.GRAPHIC,), revealed=(Covered.MINOR_FACES,), why="his mother identifies him")
    copy = made(tmp_path, wish=wish).copy
    assert shows_white(copy.path)
    row = sidecar(tmp_path)
    assert row["revealed"] == ["minor_faces"]
    assert row["why_revealed"] == "his mother identifies him"
    assert "On demand it shows minor_faces" in row["checks"][-1]


def test_faces_of_possible_minors_are_covered_whatever_was_asked(tmp_path: Path) -> None:
    assert not shows_white(made(tmp_path, wish=Wish((Covered.WEAPONS,))).copy.path)


@pytest.mark.parametrize("style", [Style.BLUR, Style.DRAWING])
def test_faces_are_solid_in_styles_for_comfort(tmp_path: Path, style: Style) -> None:
    copy = made(tmp_path, wish=Wish(style=style)).copy
    image = pictures_of(copy.path)[25]
    assert image[64:80, 50:64].std() < 6


def test_nothing_is_revealed_without_a_reason_nor_a_reason_without_anything() -> None:
    with pytest.raises(ValueError, match="has a reason"):
        Wish(revealed=(Covered.MINOR_FACES,))
    with pytest.raises(ValueError, match="has a reason"):
        Wish(why="because")


def test_the_sidecar_says_what_was_done_and_holds_no_path(tmp_path: Path) -> None:
    copy = made(tmp_path).copy
    row = sidecar(tmp_path)
    assert row["original"] == {"name": "clip.mp4", "sha256": report_on(tmp_path / "clip.mp4").video.id}
    assert row["copy"]["sha256"] == copy.sha256 == sha256_of(copy.path)
    assert row["copy"]["pictures"] == 50
    assert row["style"] == "solid"
    assert row["sound"] == "muted"
    assert row["covers"]
    assert all(cover["end_ms"] <= 2000 for cover in row["covers"])
    assert "0 leaks" in row["checks"][0]
    assert str(tmp_path) not in json.dumps(row)
    assert row["checks"][-1].startswith("Small models chose what is covered, and miss things")


def test_a_copy_as_asked_for_is_known_again(tmp_path: Path) -> None:
    wish = Wish(style=Style.PIXELATE)
    made(tmp_path, wish=wish)
    video = report_on(tmp_path / "clip.mp4").video.id
    assert is_made(target(tmp_path), video, wish)
    assert not is_made(target(tmp_path), video, Wish())
    assert not is_made(target(tmp_path), "0" * 64, wish)
    with target(tmp_path).open("ab") as file:
        file.write(b"!")
    assert not is_made(target(tmp_path), video, wish)


def copied_picture(tmp_path: Path, *, finding: bool = True, **how: Any) -> Made:
    picture = media.still(tmp_path / "clip.png", next(squares()))
    report = report_on(picture, [seeing(white_is_a_face if finding else nobody)])
    place = target(tmp_path).with_name("clip.review.png")
    return copy_video(picture, report, how.pop("wish", Wish()), how.pop("searchers", [seeing()]), place, **how)


@pytest.mark.parametrize("finding", [True, False])
def test_a_still_picture_has_a_copy_as_a_png_that_shows_no_face(tmp_path: Path, *, finding: bool) -> None:
    result = copied_picture(tmp_path, finding=finding)
    assert bool(result.leaks) is not finding, "what the plan missed is found in the copy"
    image = cv2.imread(str(result.copy.path))
    assert image is not None
    assert image.shape == (128, 192, 3)
    assert (image[BELOW:].min(axis=2) > 200).sum() == 0
    row = json.loads(result.copy.path.with_name("clip.review.png.json").read_bytes())
    assert row["copy"]["sha256"] == sha256_of(result.copy.path)
    assert left(tmp_path) == ["clip.review.png", "clip.review.png.json"]


@pytest.mark.parametrize("has_mark", [True, False])
def test_a_still_picture_is_marked_as_videos_are_and_searched_with_its_mark(tmp_path: Path, *, has_mark: bool) -> None:
    searched: list[bool] = []

    def note(frame: Frame) -> Said:
        searched.append(bool(frame.image[:BELOW].min(axis=2).max() > 200))
        return ()

    wish = Wish(has_mark=has_mark)
    path = copied_picture(tmp_path, wish=wish, searchers=[seeing(note)]).copy.path
    image = cv2.imread(str(path))
    assert image is not None
    assert bool(image[:BELOW, 90:].min(axis=2).max() > 200) is has_mark
    assert searched[0] is has_mark, "what was searched is what is shown"
    assert json.loads(path.with_name("clip.review.png.json").read_bytes())["has_mark"] is has_mark
    video = sha256_of(tmp_path / "clip.png")
    assert is_made(path, video, wish)
    assert not is_made(path, video, Wish(has_mark=not has_mark))


def test_that_a_mark_had_no_room_is_said(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4")
    small = media.draw(tmp_path / "small.mp4", (media.plain(60, width=96, height=64) for _ in range(9)))
    for original, is_small in ((path, False), (small, True)):
        copy_video(original, report_on(original), Wish(), [seeing()], target(tmp_path), force=True)
        assert ("it is too small for the mark to be read" in sidecar(tmp_path)["remarks"]) is is_small


def test_a_still_picture_in_which_leaks_stay_is_covered_whole(tmp_path: Path) -> None:
    places = [Box(5, 45, 30, 60), Box(100, 90, 120, 110)]

    def elsewhere(frame: Frame) -> Said:
        flat = frame.image[45:60, 5:30].std() < 3 or frame.image[45:60, -30:-5].std() < 3
        yield Label.FACE, 0.9, places[int(flat)]

    image = cv2.imread(str(copied_picture(tmp_path, searchers=[seeing(elsewhere)]).copy.path))
    assert image is not None
    assert image[BELOW:].std() == 0


def test_a_still_picture_that_nobody_can_search_has_no_copy(tmp_path: Path) -> None:
    with pytest.raises(RedactionError, match="could not be searched"):
        copied_picture(tmp_path, searchers=[seeing(fails)])
    assert left(tmp_path) == []


def test_a_picture_that_is_written_wrongly_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.copying.write_whole", lambda path, _: media.still(path))
    with pytest.raises(RedactionError, match="is not what was written"):
        copied_picture(tmp_path)
    assert left(tmp_path) == []


def test_a_damaged_video_is_covered_whole_where_it_is_damaged(tmp_path: Path) -> None:
    original = media.draw(tmp_path / "clip.mp4", squares(100), media.Recipe(gop=10))
    media.scratched(original, bits=3, start=0.5, end=0.55)
    report = report_on(original)
    if not report.coverage.undecoded:
        pytest.skip("this FFmpeg decodes the scratched clip without a word")
    copy = copy_video(original, report, Wish(), [seeing()], target(tmp_path)).copy
    images = pictures_of(copy.path)
    assert any(is_covered_whole(image) for image in images)
    assert not is_covered_whole(images[2])


def test_what_was_found_is_told_by_what_is_covered(tmp_path: Path) -> None:
    report = report_on(clip(tmp_path / "clip.mp4"))
    assert has_findings(report, Wish())
    assert has_findings(report, Wish((Covered.WEAPONS,))), "faces of possible minors are always covered"
    assert not has_findings(report, Wish((Covered.WEAPONS,), revealed=(Covered.MINOR_FACES,), why="asked"))
    assert not has_findings(report_on(tmp_path / "clip.mp4", [seeing(nobody)]), Wish())


def test_a_source_without_pictures_is_refused(tmp_path: Path) -> None:
    report = report_on(clip(tmp_path / "clip.mp4"))
    (tmp_path / "clip.mp4").write_bytes(b"no pictures in here" * 50)
    with pytest.raises(VideoError):
        made(tmp_path, report)


def test_sound_that_is_kept_is_in_the_copy(tmp_path: Path) -> None:
    copy = made(tmp_path, wish=Wish(sound=Sounding.KEEP)).copy
    assert "the original has no sound" in sidecar(tmp_path)["remarks"]
    assert copy.path.exists()


def test_nobody_opens_the_sound_of_an_original_for_a_copy_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "open_sound", None)
    made(tmp_path)
    assert sidecar(tmp_path)["sound"] == "muted"


def test_a_decoder_of_sound_that_crashes_leaves_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = clips.draw(tmp_path / "clip.mp4")
    crash_over(monkeypatch, original, "sound")
    with pytest.raises(VideoError, match=r"the decoder was stopped at its beginning: it crashed \(SIGSEGV\)"):
        copy_video(original, report_on(original), Wish(sound=Sounding.KEEP), [seeing()], target(tmp_path))
    assert not list((tmp_path / "out").glob("*.review.mp4*"))


def test_roles_of_the_stand_in_are_those_that_are_searched_for() -> None:
    assert set(ROLES) >= copying.roles_for(Wish())


def make_many(folder: Path) -> None:
    """Copy one clip again and again; run in a process of its own, to be killed."""
    report = report_on(folder / "clip.mp4")
    (folder / "out").mkdir(exist_ok=True)
    for number in range(1000):
        name = folder / "out" / f"{number % 3}.review.mp4"
        copy_video(folder / "clip.mp4", report, Wish(), [seeing()], name, force=True)


LIMITS = (0, 3000, 5000, 9000)
"""Bytes that a file may have: none, less than a part of half a second, and more than a part and less than all."""
ROOM_KIB = range(4, 400, 4)
"""Of the small disks; on the last of them there is room for a copy."""


def make_with_little_room(folder: Path) -> None:
    """Try one where no file may have more than so many bytes, as with a quota; what was said, and what it left."""
    report = report_on(folder / "clip.mp4")
    copying.PART_MS = 500
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    sharing = memory.shared_memory

    @contextmanager
    def no_file(size: int) -> Iterator[Any]:
        """Memory for pictures, which no quota counts, as this limit does."""
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        with sharing(size) as shared:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            yield shared

    pictures.shared_memory = no_file  # type: ignore[attr-defined]
    for limit in LIMITS:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            copy_video(folder / "clip.mp4", report, Wish(), [seeing()], target(folder))
            sys.stdout.write("made\n")
        except CaseError as error:
            sys.stdout.write(f"{error}\n")
        sys.stdout.write(f"{left(folder)}\n")


def make_on_small_disks(folder: Path) -> None:
    """Try one on larger and larger disks, until it has room; each time, what was said, and what it left."""
    report = report_on(folder / "clip.mp4")
    copying.PART_MS = 500
    place = target(folder)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", place.parent], check=True)
    for room_kib in ROOM_KIB:
        subprocess.run(["mount", "-o", f"remount,size={room_kib}k", place.parent], check=True)
        try:
            copy = copy_video(folder / "clip.mp4", report, Wish(), [seeing()], place).copy
        except CaseError as error:
            sys.stdout.write(f"{error}\n{left(folder)}\n")
        else:
            sys.stdout.write(f"made: {copy.sha256 == sha256_of(place)} {len(pictures_of(place))} {left(folder)}\n")
            break


def started(what: Callable[[Path], None], folder: Path, *before: str) -> subprocess.Popen[str]:
    code = f"import sys; from pathlib import Path; from tests.test_copying import {what.__name__} as run; "
    code += "run(Path(sys.argv[1]))"
    command = [*before, sys.executable, "-c", code, str(folder)]
    return subprocess.Popen(command, cwd=Path(__file__).parent.parent, text=True, stdout=subprocess.PIPE)


UNSHARE = ("unshare", "--user", "--map-root-user", "--mount")
"""Before a command: it may mount what it likes, which is gone with it."""


@cache
def may_mount() -> bool:
    command = [*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"]
    return bool(shutil.which("unshare")) and subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_kill_leaves_no_copy_that_is_not_whole_and_checked(tmp_path: Path) -> None:
    """Few kills, so that it is quick; ``scripts/kill_copies.py`` does it many times, with real models."""
    clip(tmp_path / "clip.mp4")
    chance, seen = random.Random(5), 0
    for _ in range(3):
        working = started(make_many, tmp_path)
        while working.poll() is None and not list((tmp_path / "out").glob("*.review.mp4")):
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 2))
        working.kill()
        working.communicate()
        assert working.returncode == -signal.SIGKILL
        for copy in (tmp_path / "out").glob("*.review.mp4"):
            seen += 1
            row = json.loads(copy.with_name(f"{copy.name}.json").read_bytes())
            assert row["copy"]["sha256"] == sha256_of(copy)
            assert not shows_white(copy)
            assert len(pictures_of(copy)) == 50
    assert seen, "no kill met a finished copy"


def test_a_quota_leaves_nothing_and_says_so(tmp_path: Path) -> None:
    clip(tmp_path / "clip.mp4")
    working = started(make_with_little_room, tmp_path)
    said, _ = working.communicate()
    assert working.returncode == 0
    place = target(tmp_path)
    refused = f"{place}: cannot be written: File too large. Give a place that you may write to\n[]\n"
    assert said == refused * len(LIMITS)


def test_a_disk_that_is_full_at_any_moment_leaves_nothing_and_says_so(tmp_path: Path) -> None:
    if not may_mount():
        pytest.skip("no small disk can be mounted here")
    clip(tmp_path / "clip.mp4")
    working = started(make_on_small_disks, tmp_path, *UNSHARE)
    said, _ = working.communicate()
    assert working.returncode == 0
    *refused, last = said.splitlines()
    assert last == "made: True 50 ['clip.review.mp4', 'clip.review.mp4.json']"
    assert len(refused) > 8, "it was refused on too few disks to say anything"
    assert set(refused[1::2]) == {"[]"}
    assert all(line.startswith(f"{target(tmp_path).parent}: the disk is full.") for line in refused[::2])


@pytest.mark.parametrize(("width", "height"), [(193, 129), (4400, 140)])
def test_a_leak_is_covered_where_it_is_also_in_a_copy_of_another_size(tmp_path: Path, width: int, height: int) -> None:
    recipe = media.Recipe(pix_fmt="yuv444p", codec="ffv1")  # which has pictures of odd sizes
    images = list(squares(8, width=width, height=height))
    original = media.draw(tmp_path / "clip.mkv", images, recipe)
    result = copy_video(original, report_on(original, [seeing(nobody)]), Wish(), [seeing()], target(tmp_path))
    assert len(sidecar(tmp_path)["leaks"]["mended"]["first"]) == len(result.leaks) > 0
    assert sidecar(tmp_path)["leaks"]["covered_whole"]["number"] == 0
    assert all(abs(leak.box.x0 - 24) < 8 and abs(leak.box.width - 24) < 6 for leak in result.leaks)
    assert not shows_white(result.copy.path)

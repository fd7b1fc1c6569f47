"""A written copy in a browser: what Chromium plays of it, beside what FFmpeg decodes."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest

from tests import media
from tests.blinking import report_on, seeing, squares
from tests.browser import PATIENCE_MS, Visit
from triage.copying import Sounding, Wish, copy_video

if TYPE_CHECKING:
    from playwright.sync_api import Page

TIMES_MS = [0, 33, 100, 140, 200, 500, 540, 600, 700, 733, 800, 1000, 1040, 1100, 1200, 1233, 1300, 1400, 1500, 1600]
"""Uneven, as a telephone writes them."""
MIDDLE_MS = 720
"""Within the picture that is shown from 700."""
CLOSE = 6.0
"""Mean difference of pictures that are the same, in levels: browsers turn planes into colours a little otherwise."""
PAGE = """<!doctype html><meta charset="utf-8"><title>A copy</title>
<video muted preload="auto" src="data:video/mp4;base64,{}"></video>"""
READY = "() => { const v = document.querySelector('video'); return v.error ? v.error.message : v.readyState >= 4; }"
AWAITED = """(what) => {
  const video = document.querySelector('video');
  return new Promise((done, fail) => {
    video.addEventListener(what, done, {once: true});
    video.onerror = () => fail(new Error(video.error.message));
    setTimeout(() => fail(new Error('it never came to ' + what)), PATIENCE_MS);
  });
}""".replace("PATIENCE_MS", str(PATIENCE_MS))
"""Without an end to its patience, a test would wait for a picture that never comes."""
SHOWN = """async (seconds) => {
  const video = document.querySelector('video');
  const awaited = AWAITED;
  video.currentTime = seconds;
  await awaited('seeked');
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  canvas.getContext('2d').drawImage(video, 0, 0);
  return canvas.toDataURL('image/png').split(',')[1];
}""".replace("AWAITED", AWAITED)
PLAYED = """async () => {
  const video = document.querySelector('video');
  const awaited = AWAITED;
  video.playbackRate = 4;
  const ended = awaited('ended');
  await video.play();
  await ended;
  return video.currentTime;
}""".replace("AWAITED", AWAITED)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The copy of a clip of an odd size, turned, with uneven times and a face in it."""
    original = tmp_path / "clip.mp4"
    images = squares(len(TIMES_MS), width=193, height=129)
    recipe = media.Recipe(pix_fmt="yuv444p", turn_degrees=-90)  # which has pictures of odd sizes
    media.draw(original, images, recipe, times_ms=TIMES_MS)
    target = tmp_path / "out" / "clip.review.mp4"
    target.parent.mkdir()
    return copy_video(original, report_on(original), Wish(sound=Sounding.KEEP), [seeing()], target).copy.path


def opened(visit: Visit, copy: Path, folder: Path) -> Page:
    """A page that shows the copy, when it can be played."""
    html = folder / "page.html"
    html.write_text(PAGE.format(base64.b64encode(copy.read_bytes()).decode()), encoding="utf-8")
    page = visit(html)
    assert page.wait_for_function(READY).json_value() is True, "the browser cannot play it"
    return page


def decoded(copy: Path) -> dict[int, media.Image]:
    """Time in ms -> picture, BGR."""
    with av.open(str(copy)) as container:
        return {
            round((picture.time or 0) * 1000): picture.to_ndarray(format="bgr24").astype(np.uint8)
            for picture in container.decode(video=0)
        }


def shown(page: Page, time_ms: int) -> media.Image:
    """What the browser shows at a time, BGR."""
    coded: Any = page.evaluate(SHOWN, time_ms / 1000)
    image = cv2.imdecode(np.frombuffer(base64.b64decode(coded), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.astype(np.uint8)


def unlike(one: media.Image, other: media.Image) -> float:
    return float(np.abs(one.astype(float) - other).mean())


def test_a_browser_shows_a_copy_at_each_time_as_it_was_written(visit: Visit, copied: Path, tmp_path: Path) -> None:
    page, pictures = opened(visit, copied, tmp_path), decoded(copied)
    assert sorted(pictures) == TIMES_MS
    for time_ms in (MIDDLE_MS, 5, 1050):
        image = shown(page, time_ms)
        assert image.shape == (194, 130, 3), "upright, with a row and a column more, to be even"
        differing = {at: unlike(image, picture) for at, picture in pictures.items()}
        right = max(at for at in TIMES_MS if at <= time_ms)
        assert min(differing, key=lambda at: differing[at]) == right
        assert differing[right] < CLOSE


def test_a_browser_plays_a_copy_to_its_end(visit: Visit, copied: Path, tmp_path: Path) -> None:
    page = opened(visit, copied, tmp_path)
    length_s: Any = page.evaluate("() => document.querySelector('video').duration")
    assert length_s == pytest.approx((TIMES_MS[-1] + 100) / 1000, abs=0.1)
    reached_s: Any = page.evaluate(PLAYED)
    assert reached_s == pytest.approx(length_s, abs=0.01)

"""A small dump that makes itself: what a newcomer scans first.

The pictures are the two photographs that the ultralytics package ships; the weapon is a drawn outline. Files of one
version of triage are the same bytes wherever they are made with the same encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from triage.durable import appearing, no_room
from triage.errors import UsageError

Picture = npt.NDArray[np.uint8]

WIDTH_PX, HEIGHT_PX, RATE = 640, 360, 25

RIFLE_XY = (
    *(
        (0, 28),
        (40, 20),
        (78, 20),
        (80, 14),
        (150, 14),
        (152, 20),
        (190, 20),
        (190, 15),
        (260, 15),
        (260, 19),
        (320, 19),
    ),
    *((320, 25), (232, 25), (228, 32), (176, 32), (172, 40), (166, 78), (144, 84), (140, 80), (150, 40), (128, 40)),
    *((124, 46), (112, 72), (94, 72), (104, 40), (84, 38), (44, 42), (4, 58)),
)
"""Corners of a rifle's outline seen from the right, in 320 x 84 px."""


def make_dump(folder: Path) -> None:
    """Draw the dump into ``folder``; files that are there already stay as they are.

    Raises:
        UsageError: the folder cannot be written, or ultralytics' photographs are not installed.
        CaseFullError: the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise no_room(folder / "clip.mp4", error) from error
    bus, people = _photograph("bus.jpg"), _photograph("zidane.jpg")
    street = folder / "street.mp4"
    _make(street, lambda path: _write(path, _shots(bus, people)))
    _make(folder / "street again.mp4", lambda path: _write(path, map(_captioned, _shots(bus, people))))
    _make(folder / "armed.mp4", lambda path: _write(path, map(_armed, _pan(bus, 4))))
    _make(folder / "a drawing.mp4", lambda path: _write(path, map(_armed, _wall(2))))
    _make(folder / "half of street.mp4", lambda path: _write_half(path, street))
    _make(folder / "copies" / "street.mp4", lambda path: path.write_bytes(street.read_bytes()))
    _make(folder / "empty.mp4", Path.touch)
    _make(folder / "notes.mp4", lambda path: path.write_text("Not a video: a note that somebody named .mp4.\n"))


def _make(path: Path, make: Callable[[Path], object]) -> None:
    if path.exists():
        return
    with appearing(path) as waiting:
        path.parent.mkdir(exist_ok=True)
        make(waiting)


def _write(path: Path, pictures: Iterable[Picture]) -> None:
    # Faststart puts the header first, so that half a file still claims the whole length.
    with av.open(path, "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())


def _write_half(path: Path, whole: Path) -> None:
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])


def _shots(*photographs: Picture) -> Iterator[Picture]:
    for photograph in photographs:
        yield from _pan(photograph, 3)


def _pan(photograph: Picture, seconds: int) -> Iterator[Picture]:
    """A camera that moves and closes in on a photograph."""
    height, width = photograph.shape[:2]
    for share in np.linspace(0, 1, seconds * RATE):
        view_width = width * (1 - 0.2 * share)
        view_height = min(height, view_width * HEIGHT_PX / WIDTH_PX)
        left, top = (width - view_width) * share, (height - view_height) * (0.3 + 0.4 * share)
        view = photograph[int(top) : int(top + view_height), int(left) : int(left + view_width)]
        yield cv2.resize(view, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA).astype(np.uint8)


def _wall(seconds: int) -> Iterator[Picture]:
    """A pale wall in slowly changing light."""
    light = np.linspace(190, 225, HEIGHT_PX, dtype=np.float32)[:, None, None]
    for share in np.linspace(0, 1, seconds * RATE):
        yield np.broadcast_to(light + 15 * share, (HEIGHT_PX, WIDTH_PX, 3)).astype(np.uint8)


def _armed(picture: Picture) -> Picture:
    """The picture with the drawn rifle before it, on a pale panel."""
    drawn = picture.copy()
    left, top = WIDTH_PX // 2 - 160, HEIGHT_PX - 130
    cv2.rectangle(drawn, (left - 30, top - 30), (left + 350, top + 114), (214, 218, 220), -1)
    cv2.fillPoly(drawn, [np.array(RIFLE_XY) + np.array((left, top))], (40, 42, 45), lineType=cv2.LINE_AA)
    return drawn


def _captioned(picture: Picture) -> Picture:
    """The picture as somebody else posts it: cropped, and with a line of text."""
    edge_x, edge_y = WIDTH_PX // 12, HEIGHT_PX // 12
    cropped = cv2.resize(picture[edge_y:-edge_y, edge_x:-edge_x], (WIDTH_PX, HEIGHT_PX))
    cv2.rectangle(cropped, (0, HEIGHT_PX - 44), (WIDTH_PX, HEIGHT_PX), (0, 0, 0), -1)
    cv2.putText(cropped, "SEEN TODAY", (20, HEIGHT_PX - 14), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (255, 255, 255), 2)
    return cropped.astype(np.uint8)


def _photograph(name: str) -> Picture:
    # Found without importing ultralytics, which takes seconds.
    package = find_spec("ultralytics")
    places = (
        [] if package is None else [Path(place) / "assets" / name for place in package.submodule_search_locations or ()]
    )
    for place in places:
        picture = cv2.imread(str(place))
        if picture is not None:
            return picture.astype(np.uint8)
    raise UsageError(
        f"the photograph {name} of the ultralytics package is not installed; install triage again with pip"
    )

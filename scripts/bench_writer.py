# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where the time of writing a review copy goes: milliseconds per picture, decoding, covering, encoding, all together.

A clip is brought to 1920 x 1080 at 30 pictures a second and coded as H.264, as a telephone does it. Then its pictures
are decoded; made into what the encoder is given, a few boxes of each covered; and at last, for each preset of the
encoder, written as `write_copy` does it, without sound. Processor time is that of all threads together: with two
processors, a copy cannot be made in less than half of it. Where wall time is well above that, others were using them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import av
import numpy as np
import numpy.typing as npt
from av.video.stream import VideoStream

from triage.frames.pictures import Picture, open_pictures
from triage.geometry import Box
from triage.records import Style
from triage.redaction import writer
from triage.redaction.shape import Shape
from triage.redaction.writer import write_copy

CLIP = Path(__file__).resolve().parent.parent.parent / "shared/data/videos/egoblur/gen1/demo_assets/test_video.mp4"
RATE = 30
ID = "0" * 64
REAL_TIME_MS = 1000 / RATE


@dataclass
class Took:
    """Milliseconds in all."""

    wall: float = 0.0
    processor: float = 0.0


@contextmanager
def clock(took: Took) -> Iterator[None]:
    wall, processor = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        took.wall += (time.perf_counter() - wall) * 1000
        took.processor += (time.process_time() - processor) * 1000


def full_hd(clip: Path, target: Path, pictures: int) -> Path:
    """The clip's pictures, cut to 16:9 in their middle and scaled; from the beginning again where there are too few."""
    with av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "20"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        for index, picture in enumerate(islice(again_and_again(clip), pictures)):
            image = picture.image
            height = min(image.shape[0], image.shape[1] * 9 // 16)
            top = (image.shape[0] - height) // 2
            frame = av.VideoFrame.from_ndarray(image[top : top + height].copy(), "bgr24")
            frame = frame.reformat(1920, 1080, "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target


def again_and_again(clip: Path) -> Iterator[Picture]:
    while True:
        with open_pictures(clip, ID) as source:
            yield from source


def few(picture: writer.Picture) -> Mapping[Style, Sequence[Box]]:
    """Two faces that move, and a wound."""
    x = 200 + picture.time_ms // 20 % 1200
    return {
        Style.SOLID: [Box(x, 200, x + 130, 360), Box(1500 - x / 2, 300, 1590 - x / 2, 410)],
        Style.BLUR: [Box(900, 700, 1150, 860)],
    }


def none(_picture: writer.Picture) -> Mapping[Style, Sequence[Box]]:
    return {}


def whole(_picture: writer.Picture) -> Mapping[Style, Sequence[Box]]:
    return {Style.SOLID: [Box(0, 0, 1920, 1080)]}


def drawn(_picture: writer.Picture) -> Mapping[Style, Sequence[Box]]:
    return {Style.DRAWING: []}


PLAIN = {"crf": "23", "bf": "0", "a53cc": "0"}
ENCODERS: dict[str, dict[str, str]] = {
    "ours": writer.ENCODER.copy(),
    **{preset: {"preset": preset, **PLAIN} for preset in ("ultrafast", "superfast", "veryfast")},
    "superfast, 25": {"preset": "superfast", **PLAIN, "crf": "25"},
}
"""Settings of x264, to be compared in one run."""
COVERS: dict[str, writer.Covers] = {"nothing": none, "few": few, "whole, solid": whole, "whole, drawing": drawn}


def decoded(clip: Path, pictures: int) -> Took:
    took = Took()
    with open_pictures(clip, ID) as source, clock(took):
        for _ in islice(source, pictures):
            pass
    return took


def painted(clip: Path, pictures: int, covers: writer.Covers) -> Took:
    """Time of everything between decoder and encoder."""
    took = Took()
    with open_pictures(clip, ID) as source:
        painter = writer._Painter(Shape.of(1920, 1080), 1, covers, has_mark=True)
        for picture in islice(source, pictures):
            with clock(took):
                painter.frame(picture)
    return took


def written(clip: Path, pictures: int, covers: writer.Covers, target: Path) -> Took:
    took = Took()
    with open_pictures(clip, ID) as source, clock(took):
        write_copy(source, islice(source, pictures), target, covers)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, default=CLIP)
    parser.add_argument("--pictures", type=int, default=90)
    parser.add_argument("--encoders", nargs="+", choices=ENCODERS, default=["ours"])
    parser.add_argument("--covers", nargs="+", choices=COVERS, default=list(COVERS))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = full_hd(args.clip, Path(folder) / "clip.mp4", args.pictures)
        kilobytes = clip.stat().st_size / args.pictures / 1000
        print(f"{args.clip.name} as 1080p30, {args.pictures} pictures of {kilobytes:.0f} kB")
        print("milliseconds per picture, wall / processor")
        show("decoding", decoded(clip, args.pictures), args.pictures)
        for name in args.covers:
            show(f"covering: {name}", painted(clip, args.pictures, COVERS[name]), args.pictures)
        for encoder in args.encoders:
            for name in args.covers:
                target = Path(folder) / f"{encoder}-{name}.mp4"
                with patch.dict(writer.ENCODER, ENCODERS[encoder], clear=True):
                    took = written(clip, args.pictures, COVERS[name], target)
                more = f"{target.stat().st_size / args.pictures / 1000:.1f} kB a picture"
                if name == "nothing":
                    more += f", {likeness(clip, target, args.pictures):.1f} dB"
                show(f"write_copy, {encoder}: {name}", took, args.pictures, more)


def likeness(clip: Path, copy: Path, pictures: int) -> float:
    """PSNR of the luma below the mark, in dB."""
    with open_pictures(clip, ID) as one, open_pictures(copy, ID) as other:
        pairs = islice(zip(one, other, strict=True), 0, pictures, 10)
        errors = [np.mean((luma(first) - luma(second)) ** 2) for first, second in pairs]
    return float(10 * np.log10(255**2 / np.mean(errors)))


def luma(picture: Picture) -> npt.NDArray[np.float32]:
    return picture.planes(1920, 1080)[0][100:].astype(np.float32)


def show(what: str, took: Took, pictures: int, more: str = "") -> None:
    wall, processor = took.wall / pictures, took.processor / pictures
    speed = f"{REAL_TIME_MS / wall:5.1f} x real time, {2 * REAL_TIME_MS / processor:5.1f} x at best with two processors"
    print(f"  {what:40} {wall:7.2f} / {processor:6.2f}   {speed}   {more}")


if __name__ == "__main__":
    main()

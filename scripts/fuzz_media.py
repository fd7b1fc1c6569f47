# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mutated media files, one after the other into the decoder apart: no crash of ours, no hang, no leak, one row each.

Each file is made of a seed (drawn clips, and with --seeds any folder) by bit flips, a cut, a piece that is missing,
doubled or of another file, a run of zeros, or a header with another body. It is opened and read as a scan does it. What
came of it is counted; whatever is neither pictures with a coverage nor a VideoError is a failure, and so are handles
that stay behind. The same seed makes the same files; one that failed, was slow or was stopped is kept with --keep.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests import media
from tests.media import Recipe
from triage.errors import VideoError
from triage.frames.sandbox.limits import Limits
from triage.frames.sandbox.source import open_video
from triage.records import DECODER_STOPPED
from triage.settings import Sampling

MOST_SEED_BYTES = 400_000
"""Larger files are no seeds: most of a mutated file should be near the mutation."""
SLOW_S = 20.0
"""A file that takes longer is named."""


def drawn(folder: Path) -> list[Path]:
    """Small clips in many containers and codecs."""
    still = [media.still(folder / f"still.{ending}") for ending in ("png", "jpg", "webp", "bmp", "tiff")]
    recipes = {
        "h264.mp4": Recipe(),
        "fast.mp4": Recipe(container_options={"movflags": "+faststart"}),
        "part.mp4": Recipe(container_options={"movflags": "frag_keyframe+empty_moov"}),
        "h264.mkv": Recipe(),
        "h264.ts": Recipe(),
        "mpeg2.ts": Recipe(codec="mpeg2video"),
        "mpeg4.avi": Recipe(codec="mpeg4"),
        "flv.flv": Recipe(codec="flv"),
        "gif.gif": Recipe(codec="gif", pix_fmt="rgb8"),
        "wmv.asf": Recipe(codec="wmv2"),
        "mjpeg.mov": Recipe(codec="mjpeg", pix_fmt="yuvj420p"),
        "ffv1.mkv": Recipe(codec="ffv1"),
    }
    clips = [media.video(folder / name, pictures=20, recipe=recipe) for name, recipe in recipes.items()]
    return [*still, *clips, media.photograph(folder / "tiles.heic", [media.moving(0), media.moving(9)])]


def mutated(seeds: Sequence[bytes], chance: random.Random) -> bytes:
    """A file made of one of these, or two, by one to three mutations."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if len(data) < 16:
            break
        at = min(chance.randrange(len(data)), chance.randrange(len(data)))  # headers stand in front
        size = min(len(data) - at, 2 ** chance.randrange(1, 14))
        other = chance.choice(seeds)
        from_other = other[(start := chance.randrange(len(other))) : start + size]
        match chance.randrange(8):
            case 0 | 1:
                for _ in range(chance.choice((1, 4, 32))):
                    data[chance.randrange(at, at + size)] ^= 1 << chance.randrange(8)
            case 2:
                del data[at:]
            case 3:
                del data[at : at + size]
            case 4:
                data[at:at] = data[at : at + size]
            case 5:
                data[at : at + size] = from_other
            case 6:
                data[at : at + size] = bytes([chance.choice((0, 255))]) * size
            case 7:
                data = data[: max(at, 16)] + bytearray(other[at:])
    return bytes(data)


def outcome(path: Path) -> str:
    """What came of a file, in a word."""
    try:
        with open_video(path, media.VIDEO_ID, Sampling(), Limits(least_cpu_s=30, idle_s=20)) as source:
            for _ in source.frames():
                pass
            coverage = source.coverage()
    except VideoError as refusal:
        return f"{refusal.kind}{', stopped' if DECODER_STOPPED in refusal.why else ''}"
    stopped = any(why.startswith(DECODER_STOPPED) for why in coverage.why)
    return f"pictures, {'stopped' if stopped else coverage.extent}"


def standing() -> tuple[int, float]:
    """Open handles, and the most memory so far in MiB."""
    handles = len(list(Path("/dev/fd").iterdir()))
    return handles, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print what came of all files; leave with 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=Path, help="a folder whose small files are seeds as well")
    parser.add_argument("--keep", type=Path, help="folder for files that failed, were stopped or slow")
    parser.add_argument("--minutes", type=float, default=600.0, help="stop after this time")
    asked = parser.parse_args()
    came: Counter[str] = Counter()
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = drawn(folder)
        if asked.seeds:
            paths += [path for path in sorted(asked.seeds.rglob("*")) if path.is_file()]
        seeds = [path.read_bytes() for path in paths if 16 < path.stat().st_size <= MOST_SEED_BYTES]
        print(f"{len(seeds)} seeds")
        until = time.monotonic() + 60 * asked.minutes
        before, tried = standing(), 0
        for number in range(asked.files):
            if time.monotonic() > until:
                break
            data = mutated(seeds, random.Random(f"{asked.seed} {number}"))
            path = folder / "file"
            path.write_bytes(data)
            began = time.monotonic()
            try:
                what = outcome(path)
            except Exception as error:  # noqa: BLE001  counted, and the file kept
                what, failed = f"FAILED: {type(error).__name__}: {error}", failed + 1
            took = time.monotonic() - began
            tried, came[what] = tried + 1, came[what] + 1
            if took > SLOW_S or "stopped" in what or "FAILED" in what:
                print(f"file {number}: {what}, {took:.1f} s, {len(data)} bytes", flush=True)
                if asked.keep:
                    asked.keep.mkdir(parents=True, exist_ok=True)
                    (asked.keep / f"{asked.seed}-{number}").write_bytes(data)
            if number == 50:
                before = standing()
        after = standing()
    for what, count in came.most_common():
        print(f"{count:>7} {what}")
    print(f"{tried} files, {failed} failed")
    print(f"handles {before[0]} -> {after[0]}, memory {before[1]:.0f} -> {after[1]:.0f} MiB")
    if failed or after[0] > before[0]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mutated media files through the scan of a case: no crash of the batch, no hang, no leak, one row each.

Each file is made of a seed (drawn clips, pictures and archives; files that claim or become far more than they are; with
--seeds those of any folder) by bit flips, a cut, a piece that is missing, doubled or of another file, a run of zeros,
or a header with another body, and gets the ending of any kind of file. Batch after batch they are put into a dump and
scanned into a case, as a scan does it, with detectors that see nothing. Then, for each batch, it is made sure that

- nothing was raised (what raises is kept, taken out, and the rest of the batch goes on),
- every file that the walk met, members of archives too, has exactly one row, with a reason, and a report that is one
  comes back from it; nothing is left to be done, and nothing else has a row,
- a second scan finds all done and changes no row, but for what it is to try again,
- nothing was written into the dump.

In the end, no more handles may be open than after the first batch, and this process and its own may not have grown by
more than --growth MiB since. The same seed makes the same files. The first batch is the drawn traps as they are.

    PYTHONPATH=. python scripts/fuzz_media.py --files 10000 --seeds ../shared/data/videos --keep failures
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import os
import random
import shutil
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests import media
from tests.bombs import bombs
from tests.examples import nobody, scripted_stages
from tests.media import Recipe
from triage.case.rows import is_failure, report_of
from triage.case.store import Case, open_case
from triage.pipeline import Stages, let_go_of_videos
from triage.records import DECODER_STOPPED, Extent
from triage.run.dump import Found, dump_roots, walk
from triage.run.local import Done, Outcome, Tally, scan

MOST_SEED_BYTES = 400_000
"""Larger files are no seeds: most of a mutated file should be near the mutation."""
SLOW_S = 20.0
"""A file that takes longer is named."""
HANGING_S = 3600
"""A batch that takes longer ends the program, which says where it was."""
MANY_PICTURES = 30_000
"""In a drawn file that has very many."""
ENDINGS = ("mp4", "mov", "mkv", "avi", "gif", "jpg", "PNG", "heic", "ts", "txt", "zip", "tar", "exe", "m3u8", "")


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
    photograph = media.photograph(folder / "tiles.heic", [media.moving(0), media.moving(9)])
    archives = [folder / "clips.zip", folder / "clips.tar"]
    with zipfile.ZipFile(archives[0], "w", zipfile.ZIP_DEFLATED) as zipped, tarfile.open(archives[1], "w") as tarred:
        for clip in (clips[0], still[0], photograph):
            zipped.write(clip, f"a/{clip.name}")
            tarred.add(clip, f"a/{clip.name}")
    return [*still, *clips, photograph, *archives]


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


@dataclass
class Watched:
    """Where a scan is, and what came of its files."""

    at_work: Found | None = None
    slow: list[tuple[Found, float]] = field(default_factory=list)
    done: Counter[Done] = field(default_factory=Counter)
    _began: float = 0.0

    def begin(self, found: Found) -> None:
        self.at_work, self._began = found, time.monotonic()

    def at(self, found: Found, time_ms: int) -> None:
        """It goes on."""

    def end(self, found: Found, outcome: Outcome) -> None:
        took = time.monotonic() - self._began
        if took > SLOW_S:
            self.slow.append((found, took))
        self.done[outcome.done] += 1


@dataclass
class Fuzzed:
    """What was tried, and what came of it."""

    stages: Stages
    keep: Path | None
    came: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    files: int = 0
    rows: int = 0

    def batch(self, named: Mapping[str, bytes]) -> None:
        """Scan these files, and make sure of everything."""
        with tempfile.TemporaryDirectory() as name:
            dump, watched = Path(name, "dump"), Watched()
            dump.mkdir()
            for file, data in named.items():
                (dump / file).write_bytes(data)
            faulthandler.dump_traceback_later(HANGING_S, exit=True)
            with open_case(Path(name, "case"), make=True) as case:
                self._scanned(case, dump, watched)
                for wrong in self._wrong(case, dump, named):
                    self._fail(wrong, None)
            faulthandler.cancel_dump_traceback_later()
            for found, took in watched.slow:
                print(f"slow: {found.path.name}, {took:.0f} s", flush=True)
                self._keep(found.path)
        self.files += len(named)

    def _scanned(self, case: Case, dump: Path, watched: Watched) -> None:
        """Scan until nothing is raised any more."""
        while True:
            try:
                _scan(case, dump, self.stages, watched)
            except Exception as error:  # noqa: BLE001  counted, and the file kept
                at_work = watched.at_work
                self._fail(f"{type(error).__name__}: {error}", at_work.path if at_work else None)
                culprit = next((file for file in dump.iterdir() if at_work and _lies_in(at_work.path, file)), None)
                if culprit is None:
                    return
                culprit.unlink()
            else:
                return

    def _wrong(self, case: Case, dump: Path, named: Mapping[str, bytes]) -> Iterator[str]:
        """Whatever does not hold of a case that was scanned."""
        met = Counter(str(item.path) for item in walk(dump_roots([dump]), leave_out=case.folder))
        rows = list(case.rows())
        with_row = Counter(path for row in rows for path in row["video"]["paths"])
        self.rows += with_row.total()
        for path in met.keys() | with_row.keys():
            if (met[path], with_row[path]) != (1, 1):
                yield f"{Path(path).relative_to(dump)!s:.100} was met {met[path]} times and has {with_row[path]} rows"
        for row in rows:
            reasons = row["verdict"]["reasons"]
            if not reasons or not all(reason["words"] for reason in reasons):
                yield f"a row of {row['video']['paths'][0]} without a reason"
            if not is_failure(row):
                report_of(row)
            self.came[_came(row)] += len(row["video"]["paths"])
        if case.left():
            yield f"{len(case.left())} files are left"
        again = Watched()
        _scan(case, dump, self.stages, again)
        if again.done[Done.EXAMINED] or again.done[Done.JUDGED_AGAIN]:
            yield f"a second scan did not find all done: {dict(again.done)}"
        if list(case.rows()) != rows:
            yield "a second scan changed rows"
        for file in dump.iterdir():
            if named.get(file.name) != file.read_bytes():
                yield f"{file.name} was changed or put into the dump"

    def _fail(self, why: str, path: Path | None) -> None:
        self.failures.append(why)
        print(f"FAILED: {why[:300]}", flush=True)
        if path is not None:
            self._keep(path)

    def _keep(self, path: Path) -> None:
        """The file, or the archive that it lies in."""
        whole = next((one for one in (path, *path.parents) if one.is_file()), None)
        whole = whole or next((Path(f"{one}"[:-1]) for one in path.parents if f"{one}".endswith("!")), None)
        if self.keep is not None and whole is not None and whole.is_file():
            self.keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(whole, self.keep / whole.name)


def _scan(case: Case, dump: Path, stages: Stages, watched: Watched) -> None:
    roots = dump_roots([dump])
    scan(case, roots, list(walk(roots, leave_out=case.folder)), stages, watched, Tally())


def _lies_in(path: Path, file: Path) -> bool:
    return path == file or str(path).startswith(f"{file}!{os.sep}")


def _came(row: Mapping[str, object]) -> str:
    """What came of a file, in a word."""
    if is_failure(row):
        reason = row["verdict"]["reasons"][0]  # type: ignore[index]
        return f"{reason['rule']}{', stopped' if DECODER_STOPPED in reason['words'] else ''}"
    coverage = report_of(row).coverage
    stopped = any(why.startswith(DECODER_STOPPED) for why in coverage.why)
    return f"pictures, {'stopped' if stopped else Extent(coverage.extent)}"


def standing() -> tuple[int, float]:
    """Open handles of this process, and the memory in MiB that is its own and that of those which it started."""
    handles = len(os.listdir("/dev/fd")) - 1  # noqa: PTH208  one is of this very question
    own = [os.getpid(), *_descendants(os.getpid())]
    return handles, sum(map(_private_mib, own))


def _descendants(process: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    except OSError:  # it ended meanwhile, or this system has no such list
        return
    for child in map(int, children):
        yield child
        yield from _descendants(child)


def _private_mib(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def main() -> None:
    """Print what came of all files; leave with 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=200, help="files in one dump")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=Path, help="a folder whose small files are seeds as well")
    parser.add_argument("--keep", type=Path, help="folder for files that failed or were slow")
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no further batch after this time")
    parser.add_argument("--growth", type=float, default=64.0, help="MiB of memory that may be more in the end")
    parser.add_argument("--without-traps", action="store_true", help="leave out the drawn traps as they are")
    asked = parser.parse_args()
    fuzzed = Fuzzed(scripted_stages(nobody), asked.keep)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = drawn(folder)
        if asked.seeds:
            paths += [path for path in sorted(asked.seeds.rglob("*")) if path.is_file()]
        seeds = [path.read_bytes() for path in paths if 16 < path.stat().st_size <= MOST_SEED_BYTES]
        seeds += [data for data in bombs(folder, pictures=300).values() if len(data) <= MOST_SEED_BYTES]
        traps = {} if asked.without_traps else bombs(folder, pictures=MANY_PICTURES)
    print(f"{len(seeds)} seeds", flush=True)
    until = time.monotonic() + 60 * asked.minutes
    fuzzed.batch({f"trap {trap}": data for trap, data in traps.items()})
    before, tried = None, 0
    while tried < asked.files and time.monotonic() < until:
        numbers = range(tried, min(tried + asked.batch, asked.files))
        fuzzed.batch(dict(_named(seeds, asked.seed, number) for number in numbers))
        tried = numbers.stop
        handles, memory = standing()
        print(f"{tried} files, {len(fuzzed.failures)} failures, {handles} handles, {memory:.0f} MiB", flush=True)
        before = before or (handles, memory)
    after = standing()
    let_go_of_videos()
    _told(fuzzed, before or after, after, asked.growth)


def _named(seeds: Sequence[bytes], seed: int, number: int) -> tuple[str, bytes]:
    """A mutated file, and a name for it that says how to make it again."""
    chance = random.Random(f"{seed} {number}")
    data, ending = mutated(seeds, chance), chance.choice(ENDINGS)
    return f"{seed}-{number}-{hashlib.sha256(data).hexdigest()[:8]}{'.' if ending else ''}{ending}", data


def _told(fuzzed: Fuzzed, before: tuple[int, float], after: tuple[int, float], growth: float) -> None:
    for what, count in fuzzed.came.most_common():
        print(f"{count:>7} {what}")
    print(f"{fuzzed.files} files, {fuzzed.rows} rows with what lies in archives, {len(fuzzed.failures)} failures")
    print(f"handles {before[0]} -> {after[0]}, memory {before[1]:.0f} -> {after[1]:.0f} MiB (after the first batch)")
    leaks = after[0] > before[0] or after[1] > before[1] + growth
    if leaks:
        print("FAILED: something leaks")
    if fuzzed.failures or leaks:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

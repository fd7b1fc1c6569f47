"""The scan that is disturbed: a program of its own, with scripted models, which tells what became of the files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tests import media
from tests.examples import bright_is_armed
from tests.run.test_local import Watched
from triage.case.store import only_scan, open_case
from triage.cli import recording
from triage.errors import TriageError, UsageError
from triage.findings.scripted import Scripted
from triage.pipeline import Stages, make_stages
from triage.records import VIEWS, Embedding, Frame
from triage.run.dump import dump_roots, walk
from triage.run.local import Done, Hands, Tally, scan
from triage.run.pool import pool
from triage.settings import load_settings

START = "from tests.chaos.scanning import main; main()"
"""Not as the main module, whose functions have another name in the processes of a pool."""
FOLDER = "a folder"
"""In the dump, with every second clip."""
ROOT = Path(__file__).resolve().parents[2]


class Shades:
    """Embeddings of 4 x 4 shades of grey: they need no model, and are the same for the same picture."""

    name = model = "shades@00000000"
    sha256 = "0" * 64
    runs_on = "nothing"
    dim = 16

    def embed(self, frames: Sequence[Frame]) -> list[Embedding]:
        return [self._one(frame) for frame in frames]

    def _one(self, frame: Frame) -> Embedding:
        shades = cv2.resize(frame.image, (4, 4), interpolation=cv2.INTER_AREA).mean(axis=2).astype(np.float32).ravel()
        vector = (shades + 1) / float(np.linalg.norm(shades + 1))
        return Embedding(
            time_ms=frame.time_ms,
            vectors=np.tile(vector, (len(VIEWS), 1)),
            background=np.zeros(len(VIEWS), np.float32),
            hash=np.zeros(32, np.uint8),
            quality=100,
            borders=(0, 0, 0, 0),
            is_comparable=True,
            is_grey=False,
        )


def stages(*overrides: str) -> Stages:
    """Scripted models, those for fingerprints included."""
    return make_stages(load_settings("default", overrides).settings, [Scripted(bright_is_armed)], embedder=Shades())


def draw(folder: Path, clips: int) -> None:
    """A dump of drawn clips, each longer than the one before, the copy of one, and some files that are none."""
    (folder / FOLDER).mkdir(parents=True)
    for number in range(clips):
        media.video(folder / (FOLDER if number % 2 else "") / f"{number}.mp4", pictures=30 + 7 * number)
    (folder / "copy.mp4").write_bytes((folder / "0.mp4").read_bytes())
    media.cut(media.streamable(folder / "half.mp4", pictures=60))
    (folder / "note.mp4").write_text("only words\n" * 20)
    (folder / "empty.mp4").touch()


@dataclass(frozen=True)
class Scanned:
    """How a scan went."""

    code: int
    became: Mapping[str, int]
    """What became of the files; empty where it did not come to its end."""
    said: str

    @property
    def examined(self) -> int:
        """Contents that somebody looked at, or tried to."""
        return self.became.get(Done.EXAMINED, 0) + self.became.get(Done.REFUSED, 0)


def begin(dump: Path, case: Path, processes: int = 0, means: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start a scan.

    Args:
        processes: that look; 0: the scan looks itself.
        means: added to its environment.
    """
    return subprocess.Popen(
        [sys.executable, "-c", START, str(dump), str(case), str(processes)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **(means or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(working: subprocess.Popen[str]) -> Scanned:
    """Wait until it ends."""
    told, said = working.communicate()
    lines = [line for line in told.splitlines() if line.startswith("{")]
    return Scanned(working.returncode, json.loads(lines[-1]) if lines else {}, said)


def scanned(dump: Path, case: Path, processes: int = 0, means: Mapping[str, str] | None = None) -> Scanned:
    """A whole scan."""
    return end(begin(dump, case, processes, means))


def main() -> None:
    """Scan as the command does, and print what became of the files."""
    dump, folder, processes = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    cv2.setNumThreads(1)
    tally = Tally()
    try:
        roots = dump_roots([dump])
        if not (found := list(walk(roots, leave_out=folder))):
            raise UsageError("there is no file in it")  # as the command has it
        with _at_work(processes) as (made, hands), open_case(folder, make=True) as case, only_scan(case):
            settings = made.provenance.settings
            recording.scan_begins(case, roots, len(found), settings, 0)
            scan(case, roots, found, made, Watched(), tally, hands)
            recording.scan_ends(case, tally.of, tally.footage_ms, settings, interrupted=False)
    except TriageError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    sys.stdout.write(json.dumps({str(done): count for done, count in tally.of.items() if count}))


@contextmanager
def _at_work(processes: int, make: Callable[[], Stages] = stages) -> Iterator[tuple[Stages, Hands]]:
    if not processes:
        yield make(), Hands()
        return
    with pool(make, processes, 1, 2**28) as opened:
        yield opened.stages, Hands(opened.looking, processes + 1, let_go=opened.kill)

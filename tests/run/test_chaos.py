"""Whatever goes wrong in a scan, the next one does what is missing and nothing else, and ends where it would have.

``scripts/chaos_scan.py`` does the same with whole processes at random moments; here each mishap has its place.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests import media
from tests.chaos import faults
from tests.chaos.comparing import Held, differences, held
from tests.chaos.scanning import scanned, stages
from tests.run.test_local import Watched
from triage.case.store import open_case
from triage.durable import write_whole
from triage.errors import CaseFullError, DetectorError, Refusal, VideoError
from triage.frames.sandbox.source import open_video
from triage.original import open_original
from triage.pipeline import Stages
from triage.records import Frame
from triage.run.dump import Found, dump_roots, walk
from triage.run.local import Done, Hands, Outcome, Tally, scan
from triage.run.standing import Standing, standing
from triage.verdicts.policy import load_policy

NEEDS_COMPILER = pytest.mark.skipif(faults.COMPILER is None, reason="there is no C compiler, so no read can fail")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips in two folders, a copy, half a clip, a note and an empty file."""
    folder = tmp_path_factory.mktemp("drawn") / "dump"
    (folder / "sub").mkdir(parents=True)
    media.streamable(folder / "a.mp4", pictures=12)
    shutil.copy(folder / "a.mp4", folder / "copy.mp4")
    media.video(folder / "sub" / "b.mp4", pictures=20)
    media.video(folder / "sub" / "c.mp4", pictures=28)
    media.cut(media.streamable(folder / "half.mp4", pictures=40))
    (folder / "note.mp4").write_text("only words\n" * 20)
    (folder / "empty.mp4").touch()
    return folder


@pytest.fixture
def dump(drawn: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drawn, tmp_path / "dump"))


@dataclass
class Doing(Watched):
    """Does something when so many files are done."""

    after: int = 99
    what: Callable[[], object] = lambda: None
    ended: list[Done] = field(default_factory=list)

    def end(self, found: Found, outcome: Outcome) -> None:
        super().end(found, outcome)
        self.ended.append(outcome.done)
        if len(self.ended) == self.after:
            self.what()


def run(dump: Path, folder: Path, made: Stages | None = None, doing: Doing | None = None, **how: Any) -> Counter[Done]:
    """What became of the files in a scan."""
    doing = doing or Doing()
    with open_case(folder, make=True) as case:
        roots = dump_roots([dump])
        scan(case, roots, list(walk(roots, leave_out=folder)), made or stages(), doing, Tally(), **how)
    return Counter(doing.ended)


def stands(folder: Path) -> Standing:
    with open_case(folder) as case:
        return standing(case)


@pytest.fixture(scope="module")
def whole(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Held:
    """The case that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "case"
    run(drawn, folder)
    return held(folder, drawn)


@dataclass(frozen=True)
class Place:
    """Where a mishap happens."""

    dump: Path
    case: Path
    monkeypatch: pytest.MonkeyPatch


def stopped(place: Place) -> Path:
    hands = Hands()
    with pytest.raises(KeyboardInterrupt):
        run(place.dump, place.case, doing=Doing(after=3, what=hands.is_stopped.set), hands=hands)
    return place.dump


def stopped_and_moved(place: Place) -> Path:
    return stopped(place).rename(place.dump.with_name("elsewhere"))


def share_gone(place: Place) -> Path:
    away = place.dump.with_name("away")
    run(place.dump, place.case, doing=Doing(after=2, what=lambda: place.dump.rename(away)))
    return away.rename(place.dump)


def folder_gone_for_a_scan(place: Place) -> Path:
    stopped(place)
    away = (place.dump / "sub").rename(place.dump.with_name("away"))
    run(place.dump, place.case)
    away.rename(place.dump / "sub")
    return place.dump


def decoders_killed(place: Place) -> Path:
    """Two files whose decoder is ended from outside."""
    asked = iter(range(99))

    @contextmanager
    def killed(*arguments: Any) -> Iterator[object]:
        with open_video(*arguments) as source:
            if next(asked) in {0, 2}:
                raise VideoError(Refusal.NOT_OPENED, "its decoder did not get through: it was ended from outside")
            yield source

    with place.monkeypatch.context() as patched:
        patched.setattr("triage.pipeline.open_video", killed)
        done = run(place.dump, place.case)
    assert done[Done.REFUSED] == 2 + 2, "two, the note and the empty file"
    assert stands(place.case).tried_again == 2
    return place.dump


def lookers_killed(place: Place) -> Path:
    """A batch over which every process ended."""
    made = stages()

    def look(_: list[Frame]) -> None:
        raise DetectorError("the process that looks at pictures was ended twice over them")

    [detector] = made.detectors
    failing = type("Failing", (), {**{name: getattr(detector, name) for name in NAMES}, "look": staticmethod(look)})()
    run(place.dump / "sub", place.case, replace(made, detectors=[failing]))
    return place.dump


NAMES = ("name", "sha256", "recipe", "runs_on", "roles", "thresholds")


def disk_full(place: Place, after: int) -> None:
    """The disk has room for so many files more."""
    times = iter(range(99))

    def write(path: Path, data: bytes) -> None:
        if next(times) == after:
            raise CaseFullError("the disk is full")
        write_whole(path, data)

    with place.monkeypatch.context() as patched:
        patched.setattr("triage.case.store.write_whole", write)
        patched.setattr("triage.case.copies.write_whole", write)
        with pytest.raises(CaseFullError):
            run(place.dump, place.case)


def bytes_unreadable(place: Place) -> Path:
    """Every second file cannot be read to its end."""
    asked = iter(range(99))

    class Failing:
        def __init__(self, file: Any) -> None:
            self._file = file

        def readinto(self, target: memoryview) -> int:
            if self._file.tell():
                raise OSError(5, "Input/output error")
            return int(self._file.readinto(target[:10]))

        def readable(self) -> bool:
            return True

    @contextmanager
    def failing(path: Path) -> Iterator[object]:
        with open_original(path) as file:
            yield Failing(file) if next(asked) % 2 and path.stat().st_size else file

    with place.monkeypatch.context() as patched:
        patched.setattr("triage.run.examining.open_original", failing)
        run(place.dump, place.case)
    assert stands(place.case).tried_again > 0
    return place.dump


def report_lost(place: Place) -> Path:
    run(place.dump, place.case)
    for report in sorted((place.case / "reports").rglob("*.json"))[::2]:
        report.unlink()
    return place.dump


MISHAPS = [
    *(stopped, stopped_and_moved, share_gone, folder_gone_for_a_scan, decoders_killed, lookers_killed),
    *(bytes_unreadable, report_lost),
]


@pytest.mark.parametrize("mishap", MISHAPS, ids=lambda mishap: mishap.__name__)
def test_the_next_scan_does_what_is_missing_and_nothing_else(
    mishap: Callable[[Place], Path], dump: Path, whole: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = tmp_path / "case"
    dump = mishap(Place(dump, case, monkeypatch))
    done_rightly = {name for name, data in held(case, dump).files.items() if whole.files.get(name) == data}
    missing = sum(name.endswith(".json") for name in whole.files.keys() - done_rightly)
    done = run(dump, case)
    assert (done[Done.EXAMINED] + done[Done.REFUSED], missing > 0) == (missing, True)
    assert list(differences(whole, held(case, dump))) == []
    again = run(dump, case)
    assert again[Done.EXAMINED] + again[Done.REFUSED] == 0


def test_a_disk_that_is_full_at_any_write_costs_what_was_not_written(
    dump: Path, whole: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, written = tmp_path / "case", []
    for after in (0, 1, 2, 1, 3, 2):
        disk_full(Place(dump, case, monkeypatch), after)
        found = held(case, dump)
        assert found.files.items() <= whole.files.items()
        written.append(sum(name.endswith(".json") for name in found.files))
    assert written == [0, 0, 1, 2, 4, 5], "a fingerprint is written before its report, and again if that is not there"
    done = run(dump, case)
    assert done[Done.EXAMINED] + done[Done.REFUSED] == 1
    assert list(differences(whole, held(case, dump))) == []


def test_what_is_stopped_and_what_fails_is_counted_once(dump: Path, tmp_path: Path) -> None:
    hands = Hands()
    with pytest.raises(KeyboardInterrupt):
        run(dump, tmp_path / "case", doing=Doing(after=3, what=hands.is_stopped.set), hands=hands)
    half = stands(tmp_path / "case")
    assert half.left == 7 - 3
    assert half.done + half.tried_again + half.tried_when_asked + half.settled + half.left == 7 - 1, "one is a copy"


def test_another_policy_in_the_middle_judges_what_was_looked_at_and_looks_at_the_rest(
    dump: Path, tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text(load_policy("default").text + "\n# another\n")
    others = [f'judging.policy="{tmp_path / "policy.toml"}"']
    other = stages(*others)
    hands = Hands()
    with pytest.raises(KeyboardInterrupt):
        run(dump, tmp_path / "case", doing=Doing(after=4, what=hands.is_stopped.set), hands=hands)
    was = stands(tmp_path / "case")
    done = run(dump, tmp_path / "case", other)
    run(dump, tmp_path / "undisturbed", other)
    assert was.done > 0
    assert done[Done.JUDGED_AGAIN] == was.done
    met = held(tmp_path / "case", dump)
    fresh = held(tmp_path / "undisturbed", dump)
    assert met.rows == fresh.rows
    assert fresh.files.items() <= met.files.items()


@NEEDS_COMPILER
def test_a_bad_place_on_the_disk_is_never_taken_for_damage(dump: Path, whole: Held, tmp_path: Path) -> None:
    case = tmp_path / "case"
    run(dump, case)  # so that the bytes are known, and only decoders read them
    for report in (case / "reports").rglob("*.json"):
        report.unlink()
    clips = [dump / "a.mp4", dump / "sub" / "b.mp4", dump / "sub" / "c.mp4", dump / "half.mp4"]
    starts = [0, clips[1].stat().st_size // 2, clips[2].stat().st_size - 1, 4096]
    bad = [(path, start, 2**62) for path, start in zip(clips, starts, strict=True)]
    ended = scanned(dump, case, means=faults.unreadable(tmp_path, bad))
    assert ended.code == 0, ended.said
    met = held(case, dump)
    assert met.files.items() <= whole.files.items()
    assert met.stands.tried_again == len(clips)
    run(dump, case)
    assert list(differences(whole, held(case, dump))) == []


@NEEDS_COMPILER
def test_a_clock_that_is_set_back_and_forth_changes_no_report(dump: Path, whole: Held, tmp_path: Path) -> None:
    case = tmp_path / "case"
    with faults.clock(tmp_path) as clock:
        for ahead_s in (300 * 24 * 3600, -300 * 24 * 3600):
            clock.set(ahead_s)
            assert scanned(dump, case, means=clock.means).code == 0
            for report in sorted((case / "reports").rglob("*.json"))[::2]:
                report.unlink()
    run(dump, case)
    assert list(differences(whole, held(case, dump))) == []

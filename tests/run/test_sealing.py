"""Videos that are sealed: when, what is kept of them, and that they stay so. Grey pictures stand for everything."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from tests import media
from tests.examples import PROVENANCE, report, video_id
from tests.run.test_local import run
from triage.case.catalogue import CATALOGUE
from triage.case.store import Case, open_case
from triage.durable import sha256_of
from triage.errors import CaseError, DetectorError, Refusal
from triage.estimates.registry import ESTIMATORS
from triage.estimates.subjects import Subject
from triage.findings.scripted import Said, Scripted
from triage.geometry import Box
from triage.pipeline import Stages, examine, make_stages
from triage.records import Estimate, Failure, Finding, Frame, Label, Reading, Report, Role, Sealed, Track
from triage.run.local import Done
from triage.settings import load_settings

BODY = Box(10, 10, 90, 110)
SIGHT = Box(30, 50, 60, 80)
EVERYTHING = (Role.PEOPLE, Role.WEAPONS, Role.MINORS, Role.FACES, Role.SEXUAL)
WITHOUT_MINORS = (Role.PEOPLE, Role.WEAPONS, Role.SEXUAL)

GREYS = {20: "calm", 120: "sight", 200: "minor"}
"""What the brightness of a picture stands for."""


def shade(frame: Frame) -> str:
    return GREYS[min(GREYS, key=lambda grey: abs(grey - frame.image.mean()))]


def adult_in(frame: Frame) -> Said:
    """An adult in every picture; in some of them sexual content, in some somebody who may be a minor."""
    yield Label.PERSON, 0.9, BODY
    yield Label.ADULT, 0.9, BODY
    if shade(frame) == "sight":
        yield Label.SEXUAL, 0.4, SIGHT
    if shade(frame) == "minor":
        yield Label.POSSIBLE_MINOR, 0.6, Box(100, 20, 140, 110)


class Nobody:
    """A reader that reads nothing on anybody: what is said of people then is up to the estimators."""

    name = "nobody@00000000"
    sha256 = "0" * 64
    recipe = "nobody"
    runs_on = "nothing"
    roles = (Role.MINORS,)

    def read(self, frames: Sequence[Frame], _found: Sequence[Sequence[Finding]]) -> list[list[Reading]]:
        return [[] for _ in frames]


def stages(
    *overrides: str, roles: tuple[Role, ...] = EVERYTHING, title: str = "scripted", say: object = adult_in
) -> Stages:
    return make_stages(load_settings("default", overrides).settings, [Scripted(say, roles, title)])  # type: ignore[arg-type]


def before_the_model_came() -> Stages:
    return stages(roles=EVERYTHING[:-1], title="older", say=lambda frame: ((Label.PERSON, 0.9, BODY),))


def clip(path: Path, *greys: int) -> Path:
    """A second of each grey, with a moving square so that no two pictures are the same."""
    return media.draw(path, (picture(grey, number) for grey in greys for number in range(25)))


def picture(grey: int, number: int) -> media.Image:
    return media.with_square(media.plain(grey), left=4 * number, top=100, side=20, colour=(grey + 40, grey, grey))


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with open_case(tmp_path / "case", make=True) as opened:
        yield opened


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """One that is to be sealed, one with adults alone, one with nothing."""
    folder = tmp_path / "dump"
    folder.mkdir()
    clip(folder / "both.mkv", 20, 120, 200, 20)
    clip(folder / "adults.mkv", 20, 120)
    clip(folder / "calm.mkv", 20)
    return folder


def queues(case: Case) -> dict[str, str]:
    return {Path(row["video"]["path"]).stem: row["verdict"]["queue"] for row in case.rows()}


def row_named(case: Case, name: str) -> dict[str, object]:
    [row] = [row for row in case.rows() if Path(row["video"]["path"]).stem == name]
    return row


def said_of(video: str, files: Iterable[Path]) -> list[str]:
    """Every file whose name or contents name this content."""
    return sorted(file.name for file in files if video in file.name or video.encode() in file.read_bytes())


def test_sexual_content_and_a_possible_minor_anywhere_in_it_seal_a_video(dump: Path, case: Case) -> None:
    done = run(dump, case, stages())
    assert done == {"both.mkv": Done.SEALED, "adults.mkv": Done.EXAMINED, "calm.mkv": Done.EXAMINED}
    assert queues(case) == {"both": "sealed", "adults": "priority", "calm": "routine"}
    assert next(iter(queues(case))) == "both", "what is sealed comes first"


def test_of_a_sealed_video_nothing_but_hash_time_reason_and_provenance_is_kept(dump: Path, case: Case) -> None:
    run(dump, case, stages())
    row = row_named(case, "both")
    video = row.pop("video")
    assert isinstance(video, dict)
    assert {key for key, value in video.items() if value} == {"id", "path", "paths"}
    assert row.pop("verdict") == {
        "queue": "sealed",
        "reasons": [
            {
                "rule": "sealed",
                "words": "possible sexual content, and somebody who may be a minor",
                "start_ms": 1000,
                "end_ms": 1000,
                "queue": "sealed",
                "weight": 0.0,
            }
        ],
    }
    assert row.pop("provenance") == {**row_named(case, "calm"), "schema": 0}["provenance"]
    coverage = row.pop("coverage")
    assert isinstance(coverage, dict)
    assert set(coverage.values()) == {None}
    assert row.pop("schema")
    assert not any(row.values()), "nothing else of it is kept"


def test_nothing_in_the_case_folder_holds_more_than_the_seal(dump: Path, case: Case) -> None:
    run(dump, case, stages())
    video = json.loads((dump.parent / "case/sealed").glob("*.json").__next__().read_text())["video"]["id"]
    files = [file for file in case.folder.rglob("*") if file.is_file()]
    assert [name for name in said_of(video, files) if not name.startswith(CATALOGUE)] == [f"{video}.json"]
    kept = case._catalogue.all("SELECT * FROM results WHERE video = ?", (video,))
    assert [value for value in kept[0] if isinstance(value, float | int)] == [-1, 0.0, 0]


def test_where_nobody_looks_for_minors_the_looking_stops_with_the_first_sight(tmp_path: Path) -> None:
    looked: list[int] = []

    def say(frame: Frame) -> Said:
        looked.append(frame.time_ms)
        yield from adult_in(frame)

    path = clip(tmp_path / "long.mkv", *[20] * 4, 120, *[20] * 40)
    result = examine(path, media.VIDEO_ID, stages("detecting.batch=2", roles=WITHOUT_MINORS, say=say))
    assert isinstance(result, Sealed)
    assert result.time_ms == 4000
    assert "nobody looked for minors" in result.why
    assert max(looked) < 5000, "45 s long, and looked at for five"


def test_a_minor_seen_before_or_soon_after_the_sight_stops_the_looking(tmp_path: Path) -> None:
    for name, greys, until_ms in (
        ("before", [20, 200, 20, 120, *[20] * 20], 5000),
        ("after", [120, 200, *[20] * 20], 9000),
    ):
        looked: list[int] = []

        def say(frame: Frame, looked: list[int] = looked) -> Said:
            looked.append(frame.time_ms)
            yield from adult_in(frame)

        result = examine(clip(tmp_path / f"{name}.mkv", *greys), media.VIDEO_ID, stages("detecting.batch=2", say=say))
        assert isinstance(result, Sealed)
        assert max(looked) < until_ms


def test_what_was_seen_is_held_back_until_all_was_looked_at(tmp_path: Path) -> None:
    path = clip(tmp_path / "late.mkv", 120, *[20] * 8, 200)
    result = examine(path, media.VIDEO_ID, stages())
    assert isinstance(result, Sealed), "the minor comes nine seconds after the sight"


def test_among_adults_alone_it_is_an_ordinary_reason_in_modest_words(dump: Path, case: Case) -> None:
    run(dump, case, stages())
    row = row_named(case, "adults")
    words = row["verdict"]["reasons"][0]["words"]  # type: ignore[index]
    assert words.startswith("possible sexual content (seen in ")


def test_without_a_model_for_it_nothing_is_sealed_and_the_verdict_says_that_nobody_looked(
    dump: Path, case: Case
) -> None:
    def blind(frame: Frame) -> Said:
        return (said for said in adult_in(frame) if said[0] is not Label.SEXUAL)

    run(dump, case, stages(roles=EVERYTHING[:-1], say=blind))
    assert "sealed" not in queues(case).values()
    words = [reason["words"] for reason in row_named(case, "both")["verdict"]["reasons"]]  # type: ignore[index]
    assert "nobody looked for bound hands, uniforms, graphic content and sexual content" in words


def test_a_sealed_video_is_never_looked_at_again_whatever_the_settings_models_policy_and_place(
    dump: Path, case: Case, tmp_path: Path
) -> None:
    run(dump, case, stages())
    before = (case.folder / "sealed").glob("*.json").__next__().read_bytes()

    def harmless(frame: Frame) -> Said:
        assert shade(frame) != "minor", "a sealed video was looked at again"
        return ()

    (tmp_path / "mine.toml").write_text("")
    (dump / "both.mkv").rename(dump / "renamed.mkv")
    shutil.copy(dump / "renamed.mkv", dump / "zz copy.mkv")
    for other in (
        stages(roles=(Role.PEOPLE,), say=harmless),
        stages(f"judging.policy={tmp_path / 'mine.toml'}", say=harmless),
        stages(say=harmless, title="another model"),
        stages("sampling.step_ms=200", say=harmless),
    ):
        done = run(dump, case, other)
        assert done["renamed.mkv"] is Done.STILL_SEALED
        assert done["zz copy.mkv"] is Done.SAME_BYTES
    assert queues(case)["renamed"] == "sealed"
    assert case.counts().otherwise == 0
    assert (case.folder / "sealed").glob("*.json").__next__().read_bytes() == before


@pytest.mark.parametrize("lost", ["catalogue", "note", "damaged note"])
def test_a_lost_catalogue_or_note_unseals_nothing(dump: Path, tmp_path: Path, lost: str) -> None:
    with open_case(tmp_path / "case", make=True) as case:
        run(dump, case, stages())
        [note] = (case.folder / "sealed").glob("*.json")
    if lost == "catalogue":
        for file in (tmp_path / "case").glob(f"{CATALOGUE}*"):
            file.unlink()
    elif lost == "note":
        note.unlink()
    else:
        note.write_bytes(b"{")
    with open_case(tmp_path / "case", make=True) as case:
        assert run(dump, case, stages())["both.mkv"] is Done.STILL_SEALED
        assert queues(case)["both"] == "sealed"
        assert case.is_sealed(note.stem)
        assert not case.is_sealed("0" * 64)


def test_nothing_can_be_kept_of_what_is_sealed(case: Case) -> None:
    case.save(Sealed(video_id(), 400, "possible sexual content", PROVENANCE))
    for result in (report(), Failure(video_id(), Refusal.UNREADABLE, "damaged", PROVENANCE)):
        with pytest.raises(ValueError, match="is sealed"):
            case.save(result)
    assert list((case.folder / "reports").rglob("*")) == []
    assert case.is_sealed(video_id())


def test_a_folder_of_seals_that_may_not_be_entered_unseals_nothing(
    dump: Path, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    run(dump, case, stages())
    rows = {Path(row["video"]["path"]).stem: row["video"]["id"] for row in case.rows()}
    monkeypatch.setattr(Path, "exists", locked)
    assert case.is_sealed(rows["both"])
    with pytest.raises(CaseError, match="What is sealed in this case cannot be told"):
        case.is_sealed(rows["calm"])


def test_earlier_reports_of_what_is_sealed_now_are_let_go(dump: Path, case: Case) -> None:
    run(dump, case, before_the_model_came())
    video = row_named(case, "both")["video"]["id"]  # type: ignore[index]
    reports = case.folder / "reports" / video[:2]
    (reports / f".{video}.aaaa.bbbb.json.part").write_text("half of a report, left by a kill")
    others = sorted(file.name for file in (case.folder / "reports").rglob("*.json") if video not in file.name)
    assert run(dump, case, stages())["both.mkv"] is Done.SEALED
    assert said_of(video, (case.folder / "reports").rglob("*.*")) == []
    assert set(others) < {file.name for file in (case.folder / "reports").rglob("*.json")}


def test_a_seal_counts_before_the_catalogue_knows_of_it(dump: Path, case: Case) -> None:
    """Killed between the note and all that follows."""
    run(dump, case, before_the_model_came())
    video = row_named(case, "both")["video"]["id"]  # type: ignore[index]
    run_elsewhere = dump.parent / "other case"
    with open_case(run_elsewhere, make=True) as other:
        run(dump, other, stages())
        shutil.copytree(run_elsewhere / "sealed", case.folder / "sealed")
    assert case.is_sealed(video)
    assert queues(case)["both"] == "sealed", "the report that is still there is not shown"
    run(dump, case, stages())
    assert said_of(video, (case.folder / "reports").rglob("*.*")) == []


def test_judged_again_what_is_stored_can_be_sealed_and_nothing_can_be_unsealed(dump: Path, case: Case) -> None:
    """As where this rule has become stricter since, or a report came from elsewhere."""
    run(dump, case, stages())
    row = row_named(case, "adults")
    video = row["video"]["id"]  # type: ignore[index]
    [file] = (case.folder / "reports").rglob(f"{video}*.json")
    stored = json.loads(file.read_text())
    stored["tracks"] = [track for track in stored["tracks"] if track["label"] != "adult"]
    file.write_text(json.dumps(stored))
    never = stages("judging.likely_from=0.4", say=lambda frame: pytest.fail("looked again"))
    assert run(dump, case, never)["adults.mkv"] is Done.SEALED
    assert said_of(video, (case.folder / "reports").rglob("*.*")) == []


def test_a_model_that_failed_on_some_of_it_seals_what_it_may_have_missed(tmp_path: Path) -> None:
    def failing(_: Frame) -> Said:
        raise DetectorError("age failed: out of memory")

    path = clip(tmp_path / "adults.mkv", 20, 120)
    seeing, broken = Scripted(adult_in, EVERYTHING), Scripted(failing, (Role.MINORS,), "age")
    assert isinstance(examine(path, media.VIDEO_ID, stages()), Report)
    result = examine(path, media.VIDEO_ID, make_stages(load_settings().settings, [seeing, broken]))
    assert isinstance(result, Sealed)
    assert "a model failed" in result.why


def judged_by_looks(person: Subject, *_: object) -> tuple[Track, ...]:
    """Somebody is an adult after eight looks; before, it cannot be told. Somebody small may be a minor at once."""
    looks = person.track.findings
    label = Label.ADULT if len(looks) >= 8 else Label.AGE_UNKNOWN
    if looks[0].box.height < 60:
        label = Label.POSSIBLE_MINOR
    found = [Finding(look.video, look.time_ms, label, 0.9, look.box, look.detector) for look in looks[:2]]
    return (person.answer(label, found, Estimate(0.9, 0.8, 1.0, ())),)


@pytest.mark.parametrize(("child_at", "is_sealed"), [(None, False), (3, True), (9, True)])
def test_what_is_judged_of_people_over_time_decides_and_an_age_may_become_known_after_the_sight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, child_at: int | None, is_sealed: bool
) -> None:
    monkeypatch.setitem(ESTIMATORS, Role.MINORS, judged_by_looks)

    def say(frame: Frame) -> Said:
        yield Label.PERSON, 0.9, BODY
        if shade(frame) == "sight":
            yield Label.SEXUAL, 0.4, SIGHT
        if child_at is not None and frame.time_ms >= 1000 * child_at:
            yield Label.PERSON, 0.9, Box(100, 60, 130, 110)

    path = clip(tmp_path / "clip.mkv", 120, *[20] * 9)
    looking = Scripted(say, EVERYTHING)
    weighed = make_stages(load_settings("default", ["detecting.batch=1"]).settings, [looking], [Nobody()])
    result = examine(path, media.VIDEO_ID, weighed)
    assert isinstance(result, Sealed) is is_sealed


def test_a_case_that_holds_nothing_but_seals_is_known_as_a_case(tmp_path: Path) -> None:
    (tmp_path / "dump").mkdir()
    clip(tmp_path / "dump/both.mkv", 120, 200)
    with open_case(tmp_path / "dump/case", make=True) as case:
        run(tmp_path / "dump", case, stages())
    with open_case(tmp_path / "other", make=True) as case:
        run(tmp_path / "dump", case, stages())
        words = [row["verdict"]["reasons"][0]["words"] for row in case.rows() if "case" in row["video"]["path"][-5:]]
        assert words == ["it is another case of triage, not part of the dump; nobody looked into it"]


SCAN = """
import sys
from pathlib import Path
from tests.run.test_local import run
from tests.run.test_sealing import stages
from triage.case.store import open_case
with open_case(Path(sys.argv[2]), make=True) as case:
    run(Path(sys.argv[1]), case, stages())
"""


def test_killed_at_any_moment_a_scan_never_leaves_more_than_the_seal(dump: Path, tmp_path: Path) -> None:
    for number in range(6):
        clip(dump / f"{number}.mkv", 20 + number, 120 + number, 200 - number)
    to_seal = [sha256_of(dump / f"{name}.mkv") for name in ("both", *range(6))]
    killed = 0
    for attempt in range(8):
        working = subprocess.Popen(
            [sys.executable, "-c", SCAN, str(dump), str(tmp_path / "case")],
            start_new_session=True,
            stderr=subprocess.DEVNULL,
        )
        while working.poll() is None and not (tmp_path / "case" / CATALOGUE).exists():
            time.sleep(0.01)
        time.sleep(0.15 * attempt)
        if working.poll() is None:
            os.killpg(working.pid, signal.SIGKILL)
            killed += 1
        working.wait()
        left = [file.name for file in (tmp_path / "case/reports").rglob("*")]
        assert not [name for name in left if any(sealed in name for sealed in to_seal)]
    assert killed, "no scan was killed: the test proved nothing"
    with open_case(tmp_path / "case", make=True) as case:
        run(dump, case, stages())
        assert sorted(name for name, queue in queues(case).items() if queue == "sealed") == [
            "0",
            "1",
            "2",
            "3",
            "4",
            "5",
            "both",
        ]

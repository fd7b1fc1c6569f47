from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.examples import PROVENANCE, failure, finding, report, video_id
from triage.case.decisions import Act, Decision, DecisionLog, Judged, Rung
from triage.case.rows import Row, row_of
from triage.case.store import open_case
from triage.exports.coco import CATEGORIES, coco
from triage.exports.contents import Contents
from triage.records import Label, Sealed, Track

SECRET = "named by a witness"


def judged(act: Act, about: str, video: str = "clip", **more: Any) -> Judged:
    given = {"author": "Ana", "rung": Rung.BLURRED, "why": SECRET, **more}
    return Judged(video=video_id(video), act=act, about=about, **given)


@pytest.fixture
def log(tmp_path: Path) -> Any:
    with open_case(tmp_path / "case", make=True) as case:
        yield case.decisions


def armed(name: str = "clip") -> Row:
    """A weapon and two people in one picture, and the weapon again."""
    tracks = (
        Track(Label.WEAPON, (finding(0, Label.WEAPON), finding(2000, Label.WEAPON, 0.5))),
        Track(Label.PERSON, (finding(0), finding(0, x0=200))),
    )
    return row_of(replace(report(name), tracks=tracks))


def exported(*rows: Row, decisions: list[Decision], **more: Any) -> tuple[dict[str, Any], list[str]]:
    remarks: list[str] = []
    text = "".join(coco(Contents(rows, decisions, remark=remarks.append, **more)))
    return json.loads(text), remarks


def by_label(entries: list[dict[str, Any]]) -> list[tuple[int, str]]:
    names = {number: label.value for label, number in CATEGORIES.items()}
    return [(entry["image_id"], names[entry["category_id"]]) for entry in entries]


def test_confirmed_findings_are_annotations_of_moments(log: DecisionLog) -> None:
    log.add(judged(Act.CONFIRM, "weapon"), seen=None)
    told, remarks = exported(armed(), decisions=log.every())
    assert [(one["video_id"], one["time_ms"], one["width"]) for one in told["images"]] == [
        (video_id(), 0, 640),
        (video_id(), 2000, 640),
    ]
    assert by_label(told["annotations"]) == [(1, "weapon"), (2, "weapon")]
    assert told["annotations"][0]["bbox"] == [10, 10, 50, 90]
    assert told["annotations"][0]["rung"] == "blurred"
    assert told["dismissed"] == told["undecided"] == []
    assert [one["name"] for one in told["categories"]] == ["weapon"]
    assert remarks == ["2 moments of 1 video: 2 boxes that people vouch for, 0 dismissed, 0 beside them undecided"]


def test_a_dismissed_finding_leaves_its_picture_as_one_without_it(log: DecisionLog) -> None:
    log.add(judged(Act.DISMISS, "weapon", start_ms=0, end_ms=500), seen=None)
    log.add(judged(Act.CONFIRM, "person"), seen=None)
    told, _ = exported(armed(), decisions=log.every())
    [image] = told["images"]
    assert image["neg_category_ids"] == [CATEGORIES[Label.WEAPON]]
    assert by_label(told["annotations"]) == [(1, "person"), (1, "person")]
    assert by_label(told["dismissed"]) == [(1, "weapon")]


def test_what_is_still_open_is_no_annotation_and_its_kind_is_not_said_to_be_absent(log: DecisionLog) -> None:
    log.add(judged(Act.DISMISS, "handgun", start_ms=0, end_ms=500), seen=None)
    both = replace(
        report(),
        tracks=(Track(Label.HANDGUN, (finding(0, Label.HANDGUN),)), Track(Label.WEAPON, (finding(0, Label.WEAPON),))),
    )
    told, _ = exported(row_of(both), decisions=log.every())
    assert told["annotations"] == []
    assert by_label(told["undecided"]) == [(1, "weapon")]
    assert told["images"][0]["neg_category_ids"] == [CATEGORIES[Label.HANDGUN]]
    assert told["images"][0]["not_exhaustive_category_ids"] == [CATEGORIES[Label.WEAPON]]


def test_what_is_corrected_to_another_kind_is_surely_not_the_first(log: DecisionLog) -> None:
    log.add(judged(Act.CORRECT, "weapon", start_ms=0, end_ms=500, values={"label": "person"}), seen=None)
    told, _ = exported(armed(), decisions=log.every())
    assert told["images"][0]["neg_category_ids"] == [CATEGORIES[Label.WEAPON]]
    finer = [Decision(1, "", judged(Act.CORRECT, "weapon", values={"label": "long_gun"}))]
    told, _ = exported(armed(), decisions=finer)
    assert [one["neg_category_ids"] for one in told["images"]] == [[], []], "a long gun is a weapon"


def test_superseded_and_undone_decisions_do_not_count(log: DecisionLog) -> None:
    first = log.add(judged(Act.CONFIRM, "weapon"), seen=None)
    log.add(judged(Act.DISMISS, "weapon"), seen=first.number)
    slip = log.add(judged(Act.CONFIRM, "person"), seen=None)
    log.undo(slip.number, "Ana", "", Rung.WORDS)
    told, _ = exported(armed(), decisions=log.every())
    assert told["annotations"] == []
    assert by_label(told["dismissed"]) == [(1, "weapon"), (2, "weapon")]


def test_what_a_second_reader_sees_otherwise_is_left_out_and_counted_until_it_is_settled(log: DecisionLog) -> None:
    first = log.add(judged(Act.CONFIRM, "weapon"), seen=None)
    log.add(judged(Act.DISMISS, "weapon", author="Ben", is_second=True), seen=None)
    told, remarks = exported(armed(), decisions=log.every())
    assert told["images"] == []
    assert told["info"]["unused_decisions"]["disputed"] == 2
    assert "left out: 2 decisions on which the second reader says otherwise" in remarks
    log.add(judged(Act.DISMISS, "weapon", author="Chris"), seen=first.number)
    told, _ = exported(armed(), decisions=log.every())
    assert by_label(told["dismissed"]) == [(1, "weapon"), (2, "weapon")]


def test_nobody_is_named_unless_it_is_asked_for(log: DecisionLog) -> None:
    log.add(judged(Act.CONFIRM, "weapon"), seen=None)
    told, _ = exported(armed(), decisions=log.every())
    assert "Ana" not in json.dumps(told)
    told, _ = exported(armed(), decisions=log.every(), with_authors=True)
    assert told["annotations"][0]["author"] == "Ana"
    assert SECRET not in json.dumps(told), "reasons are free text, and may name anybody"


def test_of_sealed_contents_nothing_is_exported(log: DecisionLog) -> None:
    log.add(judged(Act.CONFIRM, "weapon"), seen=None)
    told, remarks = exported(row_of(Sealed(video_id(), 1200, "possible", PROVENANCE)), decisions=log.every())
    assert told["images"] == told["annotations"] == told["dismissed"] == told["undecided"] == []
    assert video_id() not in json.dumps(told)
    assert "left out: 1 decision about sealed contents" in remarks


def test_a_video_without_a_report_is_counted(log: DecisionLog) -> None:
    log.add(judged(Act.CONFIRM, "weapon", "broken"), seen=None)
    log.add(judged(Act.CONFIRM, "weapon", "gone"), seen=None)
    told, _ = exported(row_of(failure()), decisions=log.every())
    assert told["info"]["unused_decisions"]["no_report"] == 2


def test_no_path_of_a_file_arrives(log: DecisionLog) -> None:
    log.add(judged(Act.CONFIRM, "weapon"), seen=None)
    row = armed()
    row["video"] |= {"path": "/dump/witness.mp4", "paths": ["/dump/witness.mp4"]}
    assert "witness" not in json.dumps(exported(row, decisions=log.every())[0])


def test_the_same_decisions_are_the_same_text_however_urgent_the_videos_are(log: DecisionLog) -> None:
    for name in ("clip", "other"):
        log.add(judged(Act.CONFIRM, "weapon", name), seen=None)
    one, _ = exported(armed("clip"), armed("other"), decisions=log.every())
    assert one == exported(armed("other"), armed("clip"), decisions=log.every())[0]
    assert len(one["images"]) == 4

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import media
from tests.examples import bright_is_armed
from triage.errors import DetectorError
from triage.estimates import registry
from triage.estimates.subjects import Subject
from triage.findings.scripted import Said, Scripted
from triage.pipeline import Stages, examine, make_stages
from triage.records import AgeReading, Estimate, Finding, Frame, Label, Reading, Report, Role, Track
from triage.settings import Estimating, load_settings


@dataclass
class ReadsFaces:
    """A reader that takes every person's box for a face, and fails where it is told to."""

    fails_from_ms: int | None = None
    name = "faces@12345678"
    sha256 = "12345678" * 8
    recipe = "faces"
    runs_on = "nothing"
    roles = (Role.MINORS,)

    def read(self, frames: Sequence[Frame], found: Sequence[Sequence[Finding]]) -> list[list[Reading]]:
        if self.fails_from_ms is not None and frames[0].time_ms >= self.fails_from_ms:
            raise DetectorError(f"{self.name} failed: out of memory")
        return [[self._read(finding) for finding in seen if finding.label is Label.FACE] for seen in found]

    def _read(self, finding: Finding) -> AgeReading:
        return AgeReading(finding.video, finding.time_ms, finding.box, 0.8, 1.0, self.name)


def with_faces(frame: Frame) -> Said:
    for label, score, box in bright_is_armed(frame):
        yield label, score, box
        if label is Label.PERSON:
            yield Label.FACE, score, box


def counts_looks(subject: Subject, _company: Sequence[Subject], _settings: Estimating) -> tuple[Track, ...]:
    findings = [
        Finding(age.video, age.time_ms, Label.POSSIBLE_MINOR, age.under_18, age.box, age.detector)
        for age in subject.ages
    ]
    if not findings:
        return (subject.cannot_tell(Label.AGE_UNKNOWN, ["no face was seen"]),)
    return (
        subject.answer(Label.POSSIBLE_MINOR, findings, Estimate(0.8, 0.5, 0.9, (f"face in {len(findings)} looks",))),
    )


@pytest.fixture(autouse=True)
def _one_estimator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "ESTIMATORS", {Role.MINORS: counts_looks})


def stages(reader: ReadsFaces, *overrides: str) -> Stages:
    looks = Scripted(with_faces, roles=(Role.PEOPLE, Role.WEAPONS, Role.FACES))
    return make_stages(load_settings("default", overrides).settings, [looks], [reader])


def examined(path: Path, reader: ReadsFaces, *overrides: str) -> Report:
    report = examine(path, media.VIDEO_ID, stages(reader, *overrides))
    assert isinstance(report, Report)
    return report


def test_what_readers_measured_becomes_one_answer_for_each_person(tmp_path: Path) -> None:
    report = examined(media.video(tmp_path / "clip.mp4"), ReadsFaces())
    [minor] = [track for track in report.tracks if track.label is Label.POSSIBLE_MINOR]
    [person] = [track for track in report.tracks if track.label is Label.PERSON]
    assert [finding.time_ms for finding in minor.findings] == [finding.time_ms for finding in person.findings]
    assert minor.estimate
    assert minor.estimate.clues == (f"face in {len(person.findings)} looks",)
    assert any("person who may be a minor" in reason.words for reason in report.verdict.reasons)


def test_a_reader_is_named_with_its_role_and_its_weights(tmp_path: Path) -> None:
    provenance = examined(media.video(tmp_path / "clip.mp4"), ReadsFaces()).provenance
    assert provenance.weights["faces@12345678"] == "12345678" * 8
    assert Role.MINORS in provenance.looked_for


def test_another_reader_makes_other_reports() -> None:
    other = ReadsFaces()
    other.recipe = "other faces"
    assert stages(other).provenance.settings != stages(ReadsFaces()).provenance.settings


def test_a_reader_that_fails_is_a_fault_beside_what_was_seen(tmp_path: Path) -> None:
    report = examined(media.video(tmp_path / "clip.mp4"), ReadsFaces(fails_from_ms=0))
    [fault] = report.faults
    assert fault.why.startswith("faces@12345678 failed: out of memory; not looked at: ")
    assert fault.pictures == report.coverage.sampled
    assert {track.label for track in report.tracks} >= {Label.PERSON, Label.AGE_UNKNOWN}


def test_what_a_reader_read_before_it_failed_still_counts(tmp_path: Path) -> None:
    report = examined(media.video(tmp_path / "clip.mp4"), ReadsFaces(fails_from_ms=1), "detecting.batch=1")
    [minor] = [track for track in report.tracks if track.label is Label.POSSIBLE_MINOR]
    assert [finding.time_ms for finding in minor.findings] == [0]
    assert report.faults


def test_a_report_says_under_which_conditions_it_looked_and_from_which_scores_on(tmp_path: Path) -> None:
    clip = media.draw(tmp_path / "clip.mkv", [media.plain(20)] * 15 + [media.plain(240)] * 15)
    detector = Scripted(bright_is_armed, thresholds={"weapon": 0.5, "weapon night": 0.3})
    report = examine(clip, "5a" * 32, make_stages(load_settings().settings, [detector]))
    assert isinstance(report, Report)
    assert sum(report.conditions.values()) == report.coverage.sampled
    assert set(report.conditions) == {"night", "grey"}
    assert report.provenance.thresholds == {detector.name: {"weapon": 0.5, "weapon night": 0.3}}
    [looked] = [reason.words for reason in report.verdict.reasons if reason.rule == "looked"]
    assert f"({report.conditions['night']} dark of them, with thresholds of their own)" in looked


def test_a_detector_that_finds_minors_by_itself_is_not_weighed_again(tmp_path: Path) -> None:
    own = Scripted(with_faces, roles=(Role.PEOPLE, Role.WEAPONS, Role.FACES, Role.MINORS))
    alone = make_stages(load_settings().settings, [own])
    report = examine(media.video(tmp_path / "clip.mp4"), media.VIDEO_ID, alone)
    assert isinstance(report, Report)
    assert Role.MINORS in report.provenance.looked_for
    assert {track.label for track in report.tracks} == {Label.PERSON, Label.FACE}

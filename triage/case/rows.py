"""Reports as plain rows (JSON objects) and back. A stored report and an exported line are the same row.

A row never holds a path of its own: the catalogue knows where the bytes lie, and files move.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from triage.errors import CaseError, ReportError
from triage.geometry import Box
from triage.records import (
    SCHEMA,
    Coverage,
    Estimate,
    Extent,
    Failure,
    Fault,
    Finding,
    Label,
    Mask,
    Provenance,
    Queue,
    Reason,
    Report,
    Role,
    Sealed,
    Track,
    Verdict,
    Video,
)

Row = dict[str, Any]

_KEYS = frozenset({"schema", "video", "coverage", "verdict", "tracks", "faults", "provenance"})

_OF_PICTURES = ("width_px", "height_px", "duration_ms", "container", "codec", "pixel_aspect", "made_at")
_NOTHING = Coverage(claimed_ms=None, reached_ms=0, step_ms=0, sampled=0, near_identical=0, undecoded=0)


def row_of(result: Report | Failure | Sealed) -> Row:
    """The row of a report, of a file that has no pictures to look at, or of one that nobody is to look at."""
    if isinstance(result, Sealed):
        return _sealed_row(result)
    return _report_row(result) if isinstance(result, Report) else _failure_row(result)


def dump_row(row: Row) -> bytes:
    """The row's one spelling: the same row is the same bytes."""
    return (json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n").encode("utf-8", "surrogatepass")


def load_row(data: bytes, where: Path) -> Row:
    """The row in these bytes.

    Raises:
        ReportError: they are damaged.
        CaseError: a newer version wrote them.
    """
    try:
        row = json.loads(data)
        is_newer = row["schema"] > SCHEMA
        is_whole = is_newer or row.keys() >= _KEYS
    except (ValueError, KeyError, TypeError, AttributeError):
        is_newer = is_whole = False
    if not is_whole:
        raise ReportError(f"{where}: this report is damaged; scan again and it is made anew, the video itself is safe")
    if is_newer:
        raise CaseError(
            f"{where}: written by a newer version of triage (rows of kind {row['schema']}, this one knows {SCHEMA}); "
            "update triage"
        )
    return dict(row)


def report_of(row: Mapping[str, Any]) -> Report:
    """The report that ``row_of`` made this row of; its path is empty, since a row has none."""
    found, looked = row["video"], row["coverage"]
    video = Video(
        id=found["id"],
        path=Path(),
        width_px=found["width_px"],
        height_px=found["height_px"],
        duration_ms=found["duration_ms"],
        container=found["container"],
        codec=found["codec"],
        pixel_aspect=found["pixel_aspect"],
        made_at=found.get("made_at"),  # rows up to schema 2 have none
    )
    coverage = Coverage(**{**{key: looked[key] for key in looked if key != "extent"}, "why": tuple(looked["why"])})
    return Report(
        video=video,
        coverage=coverage,
        verdict=_verdict_of(row["verdict"]),
        tracks=tuple(_track_of(track, video.id) for track in row["tracks"]),
        faults=tuple(Fault(**fault) for fault in row["faults"]),
        provenance=_provenance_of(row["provenance"]),
        conditions=row.get("conditions", {}),  # rows of schema 1 have none
    )


def is_failure(row: Mapping[str, Any]) -> bool:
    """Whether the row is of a file that has no pictures to look at."""
    return bool(row["verdict"]["queue"] == Queue.UNREADABLE)


def is_sealed(row: Mapping[str, Any]) -> bool:
    """Whether the row is of a file that nobody is to look at; it has no tracks and no coverage to make anything of."""
    return bool(row["verdict"]["queue"] == Queue.SEALED)


def _report_row(report: Report) -> Row:
    return {
        "schema": SCHEMA,
        "video": {
            "id": report.video.id,
            "width_px": report.video.width_px,
            "height_px": report.video.height_px,
            "duration_ms": report.video.duration_ms,
            "container": report.video.container,
            "codec": report.video.codec,
            "pixel_aspect": report.video.pixel_aspect,
            "made_at": report.video.made_at,
        },
        "coverage": _coverage_row(report.coverage),
        "verdict": _verdict_row(report.verdict),
        "tracks": [_track_row(track) for track in report.tracks],
        "faults": [asdict(fault) for fault in report.faults],
        "provenance": _provenance_row(report.provenance),
        "conditions": dict(sorted(report.conditions.items())),
    }


def _failure_row(failure: Failure) -> Row:
    return {
        "schema": SCHEMA,
        "video": {"id": failure.id, **dict.fromkeys(_OF_PICTURES)},
        "coverage": {**_coverage_row(_NOTHING), "extent": Extent.UNKNOWN.value, "why": [failure.why]},
        "verdict": _verdict_row(failure.verdict),
        "tracks": [],
        "faults": [{"stage": "frames", "time_ms": None, "why": failure.why, "pictures": 0}],
        "provenance": _provenance_row(failure.provenance),
        "conditions": {},
    }


def _sealed_row(sealed: Sealed) -> Row:
    """The keys that every row has, all but the reason and the provenance empty."""
    return {
        "schema": SCHEMA,
        "video": {"id": sealed.id, **dict.fromkeys(_OF_PICTURES)},
        "coverage": dict.fromkeys(_coverage_row(_NOTHING)),
        "verdict": _verdict_row(sealed.verdict),
        "tracks": [],
        "faults": [],
        "provenance": _provenance_row(sealed.provenance),
        "conditions": {},
    }


def _coverage_row(coverage: Coverage) -> Row:
    return {
        "claimed_ms": coverage.claimed_ms,
        "reached_ms": coverage.reached_ms,
        "step_ms": coverage.step_ms,
        "sampled": coverage.sampled,
        "near_identical": coverage.near_identical,
        "undecoded": coverage.undecoded,
        "short_ms": coverage.short_ms,
        "has_end_mark": coverage.has_end_mark,
        "extent": coverage.extent.value,
        "why": list(coverage.why),
    }


def _verdict_row(verdict: Verdict) -> Row:
    reasons = [
        {
            "rule": reason.rule,
            "words": reason.words,
            "start_ms": reason.start_ms,
            "end_ms": reason.end_ms,
            "queue": reason.queue.value,
            "weight": reason.weight,
        }
        for reason in verdict.reasons
    ]
    return {"queue": verdict.queue.value, "reasons": reasons}


def _verdict_of(row: Mapping[str, Any]) -> Verdict:
    reasons = tuple(Reason(**{**reason, "queue": Queue(reason["queue"])}) for reason in row["reasons"])
    return Verdict(Queue(row["queue"]), reasons)


def _track_row(track: Track) -> Row:
    estimate = track.estimate
    return {
        "label": track.label.value,
        "start_ms": track.start_ms,
        "end_ms": track.end_ms,
        "stood_until_ms": track.stood_until_ms,
        "score": track.score,
        "estimate": None if estimate is None else {**asdict(estimate), "clues": list(estimate.clues)},
        "findings": [_finding_row(finding) for finding in track.findings],
    }


def _track_of(row: Mapping[str, Any], video_id: str) -> Track:
    label = Label(row["label"])
    estimate = row.get("estimate")  # rows of schema 1 have none
    return Track(
        label,
        tuple(_finding_of(item, label, video_id) for item in row["findings"]),
        row["stood_until_ms"],
        None if estimate is None else Estimate(**{**estimate, "clues": tuple(estimate["clues"])}),
    )


def _finding_row(finding: Finding) -> Row:
    row: Row = {
        "time_ms": finding.time_ms,
        "box_xyxy": list(finding.box.xyxy),
        "score": finding.score,
        "detector": finding.detector,
    }
    if finding.grade is not None:
        row["grade"] = finding.grade
    if finding.mask is not None:
        row["mask"] = {"width": finding.mask.width, "height": finding.mask.height, "bits_hex": finding.mask.bits.hex()}
    return row


def _finding_of(row: Mapping[str, Any], label: Label, video_id: str) -> Finding:
    mask = row.get("mask")
    return Finding(
        video_id,
        row["time_ms"],
        label,
        row["score"],
        Box(*row["box_xyxy"]),
        row["detector"],
        row.get("grade"),
        None if mask is None else Mask(mask["width"], mask["height"], bytes.fromhex(mask["bits_hex"])),
    )


def _provenance_row(provenance: Provenance) -> Row:
    return {
        "version": provenance.version,
        "settings": provenance.settings,
        "weights": dict(provenance.weights),
        "runs_on": dict(provenance.runs_on),
        "thresholds": {name: dict(bars) for name, bars in provenance.thresholds.items()},
        "looked_for": [role.value for role in provenance.looked_for],
        "not_looked_for": [role.value for role in provenance.not_looked_for],
    }


def _provenance_of(row: Mapping[str, Any]) -> Provenance:
    return Provenance(
        version=row["version"],
        settings=row["settings"],
        weights=dict(row["weights"]),
        runs_on=dict(row["runs_on"]),
        looked_for=tuple(Role(role) for role in row["looked_for"]),
        thresholds=row.get("thresholds", {}),
    )


def with_paths(row: Row, paths: Sequence[str], past_paths: Sequence[str]) -> Row:
    """The row with where its bytes lie: ``path``, the first place, ``paths``, all of them, and where they lay once."""
    first = next(iter([*paths, *past_paths]), None)
    return {**row, "video": {**row["video"], "path": first, "paths": list(paths), "past_paths": list(past_paths)}}

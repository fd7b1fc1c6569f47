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
    Extent,
    Failure,
    Fault,
    Finding,
    Label,
    Provenance,
    Queue,
    Reason,
    Report,
    Role,
    Track,
    Verdict,
    Video,
)

Row = dict[str, Any]

_KEYS = frozenset({"schema", "video", "coverage", "verdict", "tracks", "faults", "provenance"})


def row_of(result: Report | Failure) -> Row:
    """The row of a report, or of a file that has no pictures to look at."""
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
    )
    coverage = Coverage(**{**{key: looked[key] for key in looked if key != "extent"}, "why": tuple(looked["why"])})
    return Report(
        video=video,
        coverage=coverage,
        verdict=_verdict_of(row["verdict"]),
        tracks=tuple(_track_of(track, video.id) for track in row["tracks"]),
        faults=tuple(Fault(**fault) for fault in row["faults"]),
        provenance=_provenance_of(row["provenance"]),
    )


def is_failure(row: Mapping[str, Any]) -> bool:
    """Whether the row is of a file that has no pictures to look at."""
    return bool(row["verdict"]["queue"] == Queue.UNREADABLE)


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
        },
        "coverage": _coverage_row(report.coverage),
        "verdict": _verdict_row(report.verdict),
        "tracks": [_track_row(track) for track in report.tracks],
        "faults": [asdict(fault) for fault in report.faults],
        "provenance": _provenance_row(report.provenance),
    }


def _failure_row(failure: Failure) -> Row:
    video = dict.fromkeys(("width_px", "height_px", "duration_ms", "container", "codec", "pixel_aspect"))
    nothing = Coverage(claimed_ms=None, reached_ms=0, step_ms=0, sampled=0, near_identical=0, undecoded=0)
    return {
        "schema": SCHEMA,
        "video": {"id": failure.id, **video},
        "coverage": {**_coverage_row(nothing), "extent": Extent.UNKNOWN.value, "why": [failure.why]},
        "verdict": _verdict_row(failure.verdict),
        "tracks": [],
        "faults": [{"stage": "frames", "time_ms": None, "why": failure.why, "pictures": 0}],
        "provenance": _provenance_row(failure.provenance),
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
    return {
        "label": track.label.value,
        "start_ms": track.start_ms,
        "end_ms": track.end_ms,
        "stood_until_ms": track.stood_until_ms,
        "score": track.score,
        "findings": [
            {
                "time_ms": finding.time_ms,
                "box_xyxy": list(finding.box.xyxy),
                "score": finding.score,
                "detector": finding.detector,
            }
            for finding in track.findings
        ],
    }


def _track_of(row: Mapping[str, Any], video_id: str) -> Track:
    label = Label(row["label"])
    return Track(
        label,
        tuple(
            Finding(video_id, item["time_ms"], label, item["score"], Box(*item["box_xyxy"]), item["detector"])
            for item in row["findings"]
        ),
        row["stood_until_ms"],
    )


def _provenance_row(provenance: Provenance) -> Row:
    return {
        "version": provenance.version,
        "settings": provenance.settings,
        "weights": dict(provenance.weights),
        "runs_on": dict(provenance.runs_on),
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
    )


def with_paths(row: Row, paths: Sequence[str], past_paths: Sequence[str]) -> Row:
    """The row with where its bytes lie: ``path``, the first place, ``paths``, all of them, and where they lay once."""
    first = next(iter([*paths, *past_paths]), None)
    return {**row, "video": {**row["video"], "path": first, "paths": list(paths), "past_paths": list(past_paths)}}

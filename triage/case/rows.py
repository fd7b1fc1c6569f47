"""Reports as plain rows (JSON objects) and back. A stored report and an exported line are the same row.

A row never holds a path of its own: the catalogue knows where the bytes lie, and files move.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

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

MOST_WHOLE = 2**53
"""Of any count or time."""
DAMAGE = (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)
"""What reading a row of another shape raises."""
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
        is_whole = is_newer or (row.keys() >= _KEYS and _is_queued(row))
    except DAMAGE:
        is_newer = is_whole = False
    if not is_whole:
        raise ReportError(f"{where}: this report is damaged; scan again and it is made anew, the video itself is safe")
    if is_newer:
        raise CaseError(
            f"{where}: written by a newer version of triage (rows of kind {str(row['schema'])[:20]}, this one knows "
            f"{SCHEMA}); "
            "update triage"
        )
    return dict(row)


def report_of(row: Mapping[str, Any]) -> Report:
    """The report that ``row_of`` made this row of; its path is empty, since a row has none.

    Raises:
        ReportError: no report is made into such a row.
    """
    try:
        return _report_of(row)
    except DAMAGE as error:
        raise ReportError(
            "a stored report is damaged: it is JSON, and no report; triage verify names it, and a scan makes it anew"
        ) from error


def _report_of(row: Mapping[str, Any]) -> Report:
    video = _video_of(row["video"])
    return Report(
        video=video,
        coverage=_coverage_of(row["coverage"]),
        verdict=_verdict_of(row["verdict"]),
        tracks=tuple(_track_of(track, video.id) for track in row["tracks"]),
        faults=tuple(_fault_of(fault) for fault in row["faults"]),
        provenance=_provenance_of(row["provenance"]),
        # rows of schema 1 have none
        conditions={_text(name): _whole(count) for name, count in row.get("conditions", {}).items()},
    )


def _video_of(row: Mapping[str, Any]) -> Video:
    made_at = row.get("made_at")  # rows up to schema 2 have none
    return Video(
        id=_text(row["id"]),
        path=Path(),
        width_px=_whole(row["width_px"]),
        height_px=_whole(row["height_px"]),
        duration_ms=_whole_or_none(row["duration_ms"]),
        container=_text(row["container"]),
        codec=_text(row["codec"]),
        pixel_aspect=_number(row["pixel_aspect"]),
        made_at=None if made_at is None else _text(made_at),
    )


def _coverage_of(row: Mapping[str, Any]) -> Coverage:
    counts = ("reached_ms", "step_ms", "sampled", "near_identical", "undecoded", "short_ms")
    return Coverage(
        claimed_ms=_whole_or_none(row["claimed_ms"]),
        why=tuple(_text(why) for why in _list(row["why"])),
        has_end_mark=_truth(row["has_end_mark"]),
        **{name: _whole(row[name]) for name in counts},
    )


def _fault_of(row: Mapping[str, Any]) -> Fault:
    return Fault(_text(row["stage"]), _whole_or_none(row["time_ms"]), _text(row["why"]), _whole(row["pictures"]))


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
    return Verdict(Queue(row["queue"]), tuple(_reason_of(reason) for reason in _list(row["reasons"])))


def _reason_of(row: Mapping[str, Any]) -> Reason:
    return Reason(
        rule=_text(row["rule"]),
        words=_text(row["words"]),
        queue=Queue(row["queue"]),
        start_ms=_whole_or_none(row["start_ms"]),
        end_ms=_whole_or_none(row["end_ms"]),
        weight=_number(row["weight"]),
    )


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
        tuple(_finding_of(item, label, video_id) for item in _list(row["findings"])),
        _whole_or_none(row["stood_until_ms"]),
        None if estimate is None else _estimate_of(estimate),
    )


def _estimate_of(row: Mapping[str, Any]) -> Estimate:
    clues = tuple(_text(clue) for clue in _list(row["clues"]))
    return Estimate(_number(row["probability"]), _number(row["low"]), _number(row["high"]), clues)


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
    x0, y0, x1, y1 = row["box_xyxy"]
    return Finding(
        video_id,
        _whole(row["time_ms"]),
        label,
        _number(row["score"]),
        Box(_number(x0), _number(y0), _number(x1), _number(y1)),
        _text(row["detector"]),
        _whole_or_none(row.get("grade")),
        None if mask is None else Mask(_whole(mask["width"]), _whole(mask["height"]), bytes.fromhex(mask["bits_hex"])),
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
        version=_text(row["version"]),
        settings=_text(row["settings"]),
        weights=_texts(row["weights"]),
        runs_on=_texts(row["runs_on"]),
        looked_for=tuple(Role(role) for role in _list(row["looked_for"])),
        thresholds={
            _text(name): {_text(label): _number(bar) for label, bar in bars.items()}
            for name, bars in row.get("thresholds", {}).items()
        },
    )


def _is_queued(row: Mapping[str, Any]) -> bool:
    """Whether it says of what it is, under which settings, and where that waits and why, as every row does."""
    verdict, video = row["verdict"], row["video"]["id"]
    queue, reasons = Queue(verdict["queue"]), verdict["reasons"]
    is_named = isinstance(video, str) or (video is None and queue is Queue.UNREADABLE)
    _text(row["provenance"]["settings"])
    _whole_or_none(row["coverage"]["reached_ms"])
    return is_named and bool(reasons) and queue in {_reason_of(reason).queue for reason in _list(reasons)}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is wanted, got {type(value).__name__}")
    return value


def _texts(value: Mapping[Any, Any]) -> dict[str, str]:
    return {_text(key): _text(text) for key, text in value.items()}


def _list(value: object) -> list[Any]:
    if not isinstance(value, list | tuple):  # a row that was not written yet may hold a tuple
        raise TypeError(f"a list is wanted, got {type(value).__name__}")
    return list(value)


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"true or false is wanted, got {type(value).__name__}")
    return value


def _whole(value: object) -> int:
    if type(value) is not int or abs(value) > MOST_WHOLE:
        raise TypeError(f"a whole number is wanted, got {type(value).__name__}")
    return value


def _whole_or_none(value: object) -> int | None:
    return None if value is None else _whole(value)


def _number(value: object) -> float:
    if type(value) not in {int, float} or not math.isfinite(cast("float", value)):
        raise TypeError(f"a number is wanted, got {type(value).__name__}")
    return cast("float", value)


def with_paths(row: Row, paths: Sequence[str], past_paths: Sequence[str]) -> Row:
    """The row with where its bytes lie: ``path``, the first place, ``paths``, all of them, and where they lay once."""
    first = next(iter([*paths, *past_paths]), None)
    return {**row, "video": {**row["video"], "path": first, "paths": list(paths), "past_paths": list(past_paths)}}

"""What is written beside a copy: what of it is covered and why, how it was checked, and what risk is left."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triage.durable import read_whole
from triage.names import shown
from triage.phrases import counted
from triage.records import Cover, Covered, Provenance, ReviewCopy, Style
from triage.redaction.check import Leak

KIND = 1
"""Goes up by one when a field changes its meaning."""
MOST_NAMED = 200
"""Leaks that are listed one by one."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a sidecar says beside what its copy says itself."""

    name: str
    """Of the original, without its folder."""
    pictures: int
    width_px: int
    height_px: int
    duration_ms: int
    shift_ms: int
    """To be added to times in the copy to have those of the original, in which covers are given."""
    asked: tuple[Covered, ...]
    revealed: tuple[Covered, ...]
    why_revealed: str
    audio: str
    """What was asked of the sound."""
    sound: str
    """What became of it."""
    has_mark: bool
    remarks: tuple[str, ...]
    mended: tuple[Leak, ...]
    """What the first search found, and was covered and written again."""
    covered_whole: tuple[Leak, ...]
    """What the second found, so that whole pictures were covered."""
    examined: Provenance
    """What looked at the original."""
    searched_by: Mapping[str, str]
    """What looked at the copy: detector to the SHA-256 of its weights."""


def sidecar(copy: ReviewCopy, facts: Facts) -> bytes:
    """The file's contents, JSON in UTF-8. It holds no path, no date and no host name."""
    row = {
        "kind": KIND,
        "what": "review copy: it is masked, it is no evidence, and it does not replace the original",
        "made_by": f"triage {facts.examined.version}",
        "original": {"name": shown(facts.name), "sha256": copy.video},
        "copy": {
            "name": shown(copy.path.name),
            "sha256": copy.sha256,
            "pictures": facts.pictures,
            "width_px": facts.width_px,
            "height_px": facts.height_px,
            "duration_ms": facts.duration_ms,
            "shift_ms": facts.shift_ms,
        },
        "style": copy.style.value,
        "asked": [what.value for what in facts.asked],
        "revealed": [what.value for what in facts.revealed],
        "why_revealed": facts.why_revealed,
        "audio": facts.audio,
        "sound": facts.sound,
        "has_mark": facts.has_mark,
        "remarks": list(facts.remarks),
        "checks": list(copy.check),
        "leaks": {
            "mended": _leaks(facts.mended),
            "covered_whole": _leaks(facts.covered_whole),
        },
        "examined_with": {"settings": facts.examined.settings, "weights": dict(facts.examined.weights)},
        "searched_with": dict(facts.searched_by),
    }
    head = json.dumps(row, ensure_ascii=False, indent=1).removesuffix("\n}")
    # A line each: an hour has tens of thousands, and with an indent json takes many times the memory of what it writes.
    lines = b",\n".join(_encoded(f"  {json.dumps(_cover(cover), ensure_ascii=False)}") for cover in copy.covers)
    return b"".join([_encoded(f'{head},\n "covers": [\n'), lines, b"\n ]\n}\n"])


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def load_sidecar(path: Path) -> dict[str, Any] | None:
    """What stands there, perhaps in a dump, where anybody may have put it; None: nothing, or nothing of this kind."""
    try:
        row = json.loads(read_whole(path))
        return dict(row) if row["kind"] == KIND and row["original"]["sha256"] and row["copy"]["sha256"] else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def residual_risk(style: Style, revealed: Sequence[Covered], sound: str) -> str:
    """What may still be wrong with a copy that passed every check."""
    parts = [
        "Small models chose what is covered, and miss things: a face or an injury that neither the examination nor the "
        "search of the copy recognised is shown. People can also be known by their clothes, voice, surroundings or "
        "words on screen"
    ]
    if style in {Style.BLUR, Style.DRAWING}:
        parts.append(f"{style.value.capitalize()} is for comfort and hides nothing for good; only what is solid does")
    if revealed:
        parts.append(f"On demand it shows {', '.join(what.value for what in revealed)}")
    if sound not in {"muted", "none"}:
        parts.append(f"Its sound ({sound}) was not searched for anything")
    return ". ".join([*parts, "Whoever passes it on should watch it first"]) + "."


def found_words(number: int, looks: int) -> str:
    """How a search went, as the beginning of a sentence."""
    if not looks:
        return "no picture of the written copy needed a search, all are covered whole"
    return f"{counted(looks, 'picture', 'pictures')} of the written copy searched, {counted(number, 'leak', 'leaks')}"


def _leaks(leaks: Sequence[Leak]) -> dict[str, Any]:
    first = [
        {"time_ms": leak.time_ms, "label": leak.label.value, "box_xyxy": list(leak.box.xyxy), "detector": leak.detector}
        for leak in leaks[:MOST_NAMED]
    ]
    return {"number": len(leaks), "first": first}


def _cover(cover: Cover) -> dict[str, Any]:
    return {
        "start_ms": cover.start_ms,
        "end_ms": cover.end_ms,
        "box_xyxy": None if cover.box is None else list(cover.box.xyxy),
        "what": cover.what.value,
        "why": cover.why,
    }

"""Cases, settings and weights as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from triage.case.rows import Row, is_sealed
from triage.case.store import Case
from triage.cli.known import known_lines, unseen_line
from triage.names import shown
from triage.phrases import ROLE_WORDS, clock, counted, listing, rough, sized
from triage.records import LOOKS, Extent, Queue, Role
from triage.run.standing import Standing, standing
from triage.settings import Sourced, listed
from triage.shipped import shipped
from triage.verdicts.rules import NOT_LOOKED_FOR
from triage.weights import Weights, all_weights, chosen

KIND_WORDS: Mapping[str, str] = {
    "empty_file": "empty",
    "not_media": "not pictures or sound",
    "archive": "archives, not looked into",
    "no_video_stream": "sound only",
    "encrypted": "encrypted",
    "unreadable": "damaged beyond reading",
    "not_opened": "could not be opened",
}

ROUTES = "legal-routes.md"
"""What to do with a sealed item, and where such things are reported."""


def status_lines(case: Case) -> Iterator[str]:
    """How a case stands."""
    counts = case.counts()
    yield f"Case {shown(case.folder)}"
    contents = counted(counts.videos, "content", "different contents")
    yield f"  {counted(counts.files, 'file', 'files')}, {contents}, {clock(counts.reached_ms)} of footage"
    for queue, number in counts.queues.items():
        if queue is Queue.SEALED and not number:
            continue  # "0" would say more than is known: often nobody looked
        yield f"  {queue.value:<10} {number:>6}{_unread_detail(counts.kinds) if queue is Queue.UNREADABLE else ''}"
    if unseen := unseen_line(case):
        yield f"  {unseen}"
    if counts.kinds.get(Extent.PARTIAL):
        yield f"  {counted(counts.kinds[Extent.PARTIAL], 'video', 'videos')} not wholly seen; the queue says why"
    yield from _standing_lines(standing(case))
    if counts.otherwise:
        yield f"  {counts.otherwise} examined with other settings or models than the last scan had"
    if counts.gone:
        yield f"  {counted(counts.gone, 'file is', 'files are')} no longer where it was scanned; the results are kept"


def _standing_lines(how: Standing) -> Iterator[str]:
    """What failed and whether it will be tried again, what is left, and for how long."""
    if how.tried_again:
        yield f"  {counted(how.tried_again, 'file', 'files')} could not be read; every scan tries again"
    if how.tried_when_asked:
        contents = counted(how.tried_when_asked, "content", "contents")
        yield f"  {contents} could not be decoded; a newer version tries again, and: scan --retry"
    if how.left:
        yield f"  {counted(how.left, 'file is', 'files are')} still to be examined: run the scan again"
        size = sized(how.left_bytes)
        if how.left_s is not None:
            yield f"  {size} are left: about {rough(how.left_s)}, at the pace of the last reports"
        else:
            yield f"  {size} are left; how long they take cannot be told yet"


def queue_lines(case: Case, queue: Queue | None, limit: int | None) -> Iterator[str]:
    """Videos in order, each with its reasons."""
    number = 0
    blind: dict[str, None] = {}  # said once at the end, not under every video
    rank = {video: place for place, video in enumerate(case.unsealed())}
    for are_sealed, rows in groupby(case.rows(queue, limit), is_sealed):
        for row in rows:
            number += 1
            yield f"{number:>4}  {row['verdict']['queue'].upper():<10} {_names(row['video'])}"
            yield from _sealed_lines(row) if are_sealed else _reason_lines(row, blind)
            yield from (f"      {line}" for line in known_lines(row, rank, case.name_of))
        if are_sealed:
            yield from _what_sealed_means()
    if number == 0:
        yield "nothing waits here" if queue is None else f"nothing waits in the queue {queue.value}"
    if left := case.counts().left:
        yield f"Mind: {counted(left, 'file is', 'files are')} still to be examined, so this is not the whole queue."
    total = sum(case.counts().queues.values()) if queue is None else case.counts().queues[queue]
    if total > number:
        yield f"{total - number} more: raise --limit, or 0 for all"
    yield from (f"Mind: {words}." for words in blind)


def _reason_lines(row: Row, blind: dict[str, None]) -> Iterator[str]:
    video, reasons = row["video"], row["verdict"]["reasons"]
    length = clock(row["coverage"]["reached_ms"]) if video["codec"] else ""
    if video["id"]:
        yield f"      {'  '.join(part for part in (length, video['id'][:12]) if part)}"
    for reason in reasons:
        if reason["rule"] == NOT_LOOKED_FOR and len(reasons) > 1:
            blind.setdefault(reason["words"])
        else:
            yield f"      - {shown(reason['words'])}"


def _sealed_lines(row: Row) -> Iterator[str]:
    [reason] = row["verdict"]["reasons"]
    yield f"      SHA-256 {row['video']['id']}"  # whole, since it is what a report names the file by
    when = f"first seen at {clock(reason['start_ms'])}: " if reason["start_ms"] is not None else ""
    yield f"      - {when}{shown(reason['words'])}"


def _what_sealed_means() -> Iterator[str]:
    yield "      SEALED means: a program guessed this, stopped there, and kept no picture and nothing else of the file."
    yield "      Do not open it, not even to check. Do not copy, forward, print or photograph it. Do not delete it."
    yield f"      What to do instead (not legal advice): {shown(shipped('docs') / ROUTES)}"
    yield ""


def settings_lines(sourced: Sourced) -> Iterator[str]:
    """Every setting as TOML would have it, and where its value comes from."""
    for name, value in listed(sourced.settings):
        yield f"{name} = {_toml(value)}    # {sourced.origin.get(name, 'default')}"


def weights_lines() -> Iterator[str]:
    """Every model at hand, and what nobody looks for."""
    serving = chosen(Role)
    for weights in all_weights():
        used = [role for role, used in serving.items() if used.name == weights.name]
        state = f"in use for {listing(used)}" if used else "not in use: others serve its roles"
        yield f"{weights.name}  ({'yours' if weights.yours else 'shipped'}; {state})"
        file = f"{shown(weights.file.name)}, SHA-256 {weights.sha256[:12]}…"
        yield f"    file {file}, {weights.input_px} px, {weights.licence}"
        if weights.labels:
            yield f"    labels {', '.join(f'{theirs}={ours}' for theirs, ours in weights.labels.items())}"
        if Role.COPIES in weights.roles:
            yield f"    finds copies; {background_words(weights)}"
        yield f"    card {shown(weights.card)}"
    missing = [ROLE_WORDS[role] for role in LOOKS if role not in serving]
    if missing:
        yield f"No model looks for {listing(missing)}. Bring one: triage weights add FILE --role ROLE --labels ..."
    if Role.COPIES not in serving:
        yield "No model finds copies. Bring one: triage weights add FILE --role copies"


def background_words(weights: Weights) -> str:
    """What the likeness of pictures is weighed against by weights that find copies."""
    if weights.background is None:
        return "no vectors of unrelated pictures, so likeness is not weighed against them"
    return f"likeness weighed against unrelated pictures: {shown(weights.background.name)}"


def _names(video: Mapping[str, Any]) -> str:
    paths, past_paths = video["paths"], video["past_paths"]
    if not paths:
        return f"{shown(past_paths[0])}  (no longer there)" if past_paths else "(no longer in any dump)"
    return f"{shown(paths[0])}  (and {len(paths) - 1} more with the same bytes)" if len(paths) > 1 else shown(paths[0])


def _unread_detail(kinds: Mapping[str, int]) -> str:
    parts = [f"{kinds[kind]} {words}" for kind, words in KIND_WORDS.items() if kinds.get(kind)]
    return f"  ({', '.join(parts)})" if parts else ""


def _toml(value: Any) -> str:  # noqa: ANN401  whatever a setting holds
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)

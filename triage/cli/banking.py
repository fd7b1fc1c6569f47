"""``triage bank``: clips that are known already, kept as hashes and vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from triage.archive import archive_of
from triage.case.store import open_case
from triage.cli.console import say, tell
from triage.cli.matching import embedder_of, requery
from triage.cli.showing import ROUTES
from triage.errors import CaseError, DetectorError, UsageError, VideoError
from triage.matches.bank import Addition, Bank, open_bank
from triage.matches.bank_log import Event, What
from triage.matches.bank_state import Entry
from triage.matches.signals import Kind
from triage.original import open_original, unread
from triage.phrases import clock, counted
from triage.pipeline import Stages, fingerprint_clip, make_stages
from triage.records import Fingerprint, Sealed
from triage.settings import Settings, load_settings
from triage.shipped import shipped

CHUNK = 1024 * 1024
"""Bytes of a clip that are read at once."""
_SEALED = (
    "sealed: {why}. Nothing of it was kept. Do not open it, not even to check; what to do instead (not legal advice): "
    "{routes}"
)


def add(
    folder: Path,
    clips: Sequence[Path],
    name: str | None,
    note: str,
    source: str,
    settings: str,
    overrides: Sequence[str],
) -> bool:
    """Add clips to a bank, made if absent, and look them up in the cases that use it.

    Returns:
        Whether some clip was not added; which and why is said.

    Raises:
        UsageError: a clip is no file, several were given one name, or the folder holds something else.
        MatchIndexError: nothing makes fingerprints, or the bank is damaged.
    """
    _check_clips(folder, clips, name)
    chosen = load_settings(settings, overrides).settings
    embedder_of(chosen)  # first, since without it there is no use in opening the other models
    stages = make_stages(chosen)
    changed: list[Entry] = []
    failed = False
    with open_bank(folder, make=True) as bank:
        say_mended(bank)
        for clip in clips:
            place = clip.resolve()  # a link that the user names is meant; what scans read follows none
            try:
                sha256, md5 = _hashes(place)
                _refuse_sealed(sha256, bank.cases())
                fingerprint = _fingerprint(place, stages)
                md5 = md5 if fingerprint.video == sha256 else ""  # it was changed meanwhile
                called = clip.stem if name is None else name
                added = bank.add(fingerprint, called, note, source, file_name=clip.name, md5=md5)
            except (VideoError, DetectorError, UsageError) as error:
                say(f"not added: {clip}: {error}")
                failed = True
                continue
            _say_added(clip, added, fingerprint)
            if added.has_new_vectors and added.entry.is_enabled:
                changed.append(added.entry)
        if changed:
            look_up_again(bank, chosen)
    return failed


def list_entries(folder: Path) -> None:
    """Every entry of a bank, in the order in which they came."""
    with open_bank(folder) as bank:
        say_mended(bank)
        entries = bank.entries()
        disabled = sum(not entry.is_enabled for entry in entries)
        off = f", {disabled} of them disabled" if disabled else ""
        tell(f"Bank {bank.name} ({bank.id[:8]}): {counted(len(entries), 'entry', 'entries')}{off}")
        for entry in entries:
            tell(f"  {entry.name}  {', '.join(_traits(entry))}")


def show(folder: Path, called: str) -> None:
    """All that a bank knows of one entry, and what happened to it."""
    with open_bank(folder) as bank:
        say_mended(bank)
        for line in _entry_lines(bank, bank.called(called)):
            tell(line)


def switch(folder: Path, called: str, why: str, *, on: bool) -> None:
    """Let an entry match no more, or again."""
    with open_bank(folder) as bank:
        entry = bank.enable(called, why) if on else bank.disable(called, why)
        tell(f"{entry.name} is {'enabled again' if on else 'disabled'}: {why.strip()}")
        look_up_again(bank, load_settings().settings)


def _check_clips(folder: Path, clips: Sequence[Path], name: str | None) -> None:
    if name is not None and len(clips) > 1:
        raise UsageError(f"--name is for one clip, and {len(clips)} were given; each is named by its file without it")
    for clip in clips:
        try:
            is_folder, is_file = clip.is_dir(), (archive_of(clip) or clip).is_file()
        except OSError as error:  # a name too long for the system, a parent that may not be entered
            raise UsageError(f"{clip}: cannot be opened: {error.strerror}") from error
        if is_folder:
            raise UsageError(f"{clip}: is a folder; give its clips: triage bank add {folder} {clip}/*")
        if not is_file:
            raise UsageError(f"{clip}: there is no such file")


def _fingerprint(clip: Path, stages: Stages) -> Fingerprint:
    result = fingerprint_clip(clip, stages)
    if isinstance(result, Sealed):
        raise UsageError(_SEALED.format(why=result.why, routes=shipped("docs") / ROUTES))
    if result is None:
        raise DetectorError("the model that makes fingerprints failed on it")
    return result


def _hashes(clip: Path) -> tuple[str, str]:
    """SHA-256 and MD5 of a clip.

    Raises:
        VideoError: it cannot be read.
    """
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with open_original(clip) as file:
        try:
            while chunk := file.read(CHUNK):
                sha256.update(chunk)
                md5.update(chunk)
        except OSError as error:
            raise unread(error) from error
    return sha256.hexdigest(), md5.hexdigest()


def _refuse_sealed(video: str, cases: Sequence[Path]) -> None:
    """Ask the cases that use the bank, as far as they are where they were; the tripwire is asked besides.

    Raises:
        UsageError: one of them has sealed it.
    """
    for folder in cases:
        try:
            with open_case(folder) as case:
                is_sealed = case.is_sealed(video)
        except (CaseError, UsageError):
            continue
        if is_sealed:
            why = f"it is sealed in the case {folder}"
            raise UsageError(_SEALED.format(why=why, routes=shipped("docs") / ROUTES))


def _say_added(clip: Path, added: Addition, fingerprint: Fingerprint) -> None:
    entry = added.entry
    off = f"; it is disabled ({entry.disabled_why}) and stays so" if not entry.is_enabled else ""
    if not added.is_new:
        what = (
            "now has vectors of the model in use, too"
            if added.has_new_vectors
            else "is in the bank already, nothing was added"
        )
        tell(f"{clip}: is {entry.name}, which {what}{off}")
        return
    tell(f"added {entry.name}: {', '.join(_traits(entry))}, SHA-256 {entry.video[:12]}")
    for word in _limits(fingerprint):
        say(f"{entry.name}: {word}")


def _limits(fingerprint: Fingerprint) -> Iterator[str]:
    """What cannot be expected of a clip like this."""
    if fingerprint.length_ms == 0:
        yield "a still picture: it is found where a video or a picture shows it, and no times in it can be given"
    elif len(fingerprint) == 1:
        yield "one picture of it was looked at: it is found only as a still, and no times in it can be given"
    if not fingerprint.is_comparable.any():
        yield "nothing in it can be compared (black, white or one colour): only its exact file will be found"


def _traits(entry: Entry) -> Iterator[str]:
    if entry.disabled_why is not None:
        yield f"DISABLED ({entry.disabled_why})"
    if entry.length_ms is not None:
        yield clock(entry.length_ms) if entry.length_ms else "still picture"
    yield "+".join(entry.kinds)
    if entry.note:
        yield entry.note


def _entry_lines(bank: Bank, entry: Entry) -> Iterator[str]:
    yield f"{entry.name}  {', '.join(_traits(entry))}"
    is_file = bool(entry.models) or entry.exact(Kind.SHA256) is not None
    yield f"  {'SHA-256' if is_file else 'id (no file of it is known)'} {entry.video}"
    for kind in (Kind.SHA1, Kind.MD5):
        if value := entry.exact(kind):
            yield f"  {kind.upper()} {value}"
    for label, text in (("source", entry.source), ("file", entry.file_name)):
        if text:
            yield f"  {label}: {text}"
    for model in entry.models:
        fingerprint = bank.fingerprint(entry, model)
        comparable = int(fingerprint.is_comparable.sum())
        yield f"  {model}: {counted(len(fingerprint), 'picture', 'pictures')}, {comparable} of them comparable"
    for event in bank.history(entry):
        yield f"  {event.at_utc}  {_what_happened(event)} (triage {event.version})"


def _what_happened(event: Event) -> str:
    values = event.values
    if event.what is What.ADDED:
        return f"added from {values['file'] or 'a file'} with {values['model']}"
    if event.what is What.IMPORTED:
        return f"hashes imported from {values['file']}"
    return f"{event.what.value}: {values['why']}"


def say_mended(bank: Bank) -> None:
    """Say that a program was killed while it wrote in the bank, if one was."""
    if bank.mended:
        say(bank.mended)


def look_up_again(bank: Bank, settings: Settings) -> None:
    """Say what the new entries change in the cases that were compared with this bank."""
    if bank.cases():
        requery(bank, embedder_of(settings).model, settings)

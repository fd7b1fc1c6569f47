# SPDX-License-Identifier: AGPL-3.0-or-later
"""The readers that ``fuzz_parsers`` tries: each with whole inputs, and what it may say no with.

A reader here raises nothing unless something is wrong: what the reader that it calls is allowed to raise is taken, and
what it must always hold is asserted.
"""

from __future__ import annotations

import atexit
import hashlib
import io
import json
import os
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from tests import prints
from tests.examples import failure, report
from triage.archive import contents
from triage.case.audit import AUDIT, AuditKind, AuditLog
from triage.case.chain import check
from triage.case.rows import dump_row, is_failure, is_sealed, load_row, report_of, row_of
from triage.errors import CaseError, MatchIndexError, PolicyError, SettingsError, TriageError, UsageError, VideoError
from triage.fingerprint_file import dump_fingerprint, load_fingerprint
from triage.frames import content
from triage.frames.dates import made_at
from triage.frames.grid import read_alpha, read_grid
from triage.frames.outline import read_outline
from triage.frames.sandbox import messages
from triage.frames.times import LONGEST_MS, Chooser, Clock, Glimpse
from triage.matches import pdq
from triage.matches.bank import open_bank
from triage.matches.bank_folder import HEAD
from triage.matches.bank_log import LOG
from triage.matches.exchange.reading import parse_hashes
from triage.matches.importing import Known
from triage.matches.signals import Feature, Kind, MalformedError, Signal, features_of, vpdq_value
from triage.names import shown
from triage.original import open_original
from triage.records import VIEWS
from triage.settings import Mode, Sampling, load_settings
from triage.shipped import shipped
from triage.verdicts.policy import load_policy

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"


@dataclass(frozen=True, slots=True)
class Target:
    """Something that reads."""

    read: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]


FOLDER = "TRIAGE_FUZZ_FOLDER"
"""Names the folder that readers of files are given theirs in; without, there is one until the program ends."""


@cache
def _folder() -> Path:
    named = os.environ.get(FOLDER)
    if named:
        return Path(named)
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return Path(folder.name)


def _file(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def _said(error: TriageError) -> None:
    """A person is to read it."""
    assert 10 < len(str(error)) < 4000, str(error)[:200]
    assert "Exceeds the limit" not in str(error)


def read_content(data: bytes) -> None:
    assert content.looks_like(data[: content.HEAD_BYTES])
    content.archive_kind(data), content.text_kind(data), content.media_kind(data)


def read_boxes(data: bytes) -> None:
    file = io.BytesIO(data)
    outline = read_outline(file)
    assert file.tell() == 0
    assert outline.missing_bytes is None or outline.missing_bytes >= 0
    read_grid(file), read_alpha(file)


def read_archive(data: bytes) -> None:
    path = _file("archive", data)
    with path.open("rb") as file:
        found = contents(path, file)
    members = found.members if found else ()
    assert len({member.path for member in members}) == len(members), "two members share a path"
    for member in members[:20]:
        assert ".." not in member.path.parts
        with suppress(VideoError), open_original(member.path) as opened:
            assert len(opened.read()) == member.size


@dataclass(slots=True)
class _Channel:
    """As much of a socket as ``hear`` asks of it."""

    data: io.BytesIO

    def recv(self, size: int) -> bytes:
        return self.data.read(size)


def read_message(data: bytes) -> None:
    framed = struct.pack(">I", len(data)) + data if data[:1] == b"{" else data
    hearing: tuple[Callable[[messages.Heard], Any], ...] = (
        lambda heard: heard.kind,
        lambda heard: messages.heard_video(heard, Path("clip"), "a" * 64),
        lambda heard: messages.heard_coverage(heard, 8, 400),
        messages.heard_refusal,
        *(getattr(messages, name) for name in ("heard_same", "heard_sound") if hasattr(messages, name)),
    )
    try:
        said = messages.hear(cast("Any", _Channel(io.BytesIO(framed))))
    except messages.NonsenseError:
        return
    if said is None:
        return
    for hear in hearing:
        with suppress(messages.NonsenseError):
            for text in _texts(hear(messages.Heard(said))):
                text.encode()  # it is written down


def _texts(heard: object) -> Iterator[str]:
    """Every text in what was heard."""
    if isinstance(heard, str):
        yield heard
    elif isinstance(heard, VideoError):
        yield heard.why
    elif isinstance(heard, tuple | list):
        for part in heard:
            yield from _texts(part)
    elif is_dataclass(heard):
        for field in fields(heard):
            yield from _texts(getattr(heard, field.name))


def read_settings(data: bytes) -> None:
    try:
        found = load_settings(str(_file("settings.toml", data))).settings
    except SettingsError as error:
        _said(error)
    else:
        found.digest(judging=True), found.digest(judging=False)


def read_override(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    try:
        load_settings("default", [text])
    except SettingsError as error:
        _said(error)


def read_policy(data: bytes) -> None:
    try:
        load_policy(str(_file("policy.toml", data)))
    except PolicyError as error:
        _said(error)


def read_row(data: bytes) -> None:
    try:
        row = load_row(data, Path("report.json"))
        if not is_failure(row) and not is_sealed(row):
            taken = report_of(row)
            assert report_of(load_row(dump_row(row_of(taken)), Path("report.json"))) == taken
    except CaseError as error:
        _said(error)


def read_log(data: bytes) -> None:
    folder = _file(f"case/{AUDIT}", data).parent
    log = AuditLog(folder)
    assert list(check(folder).entries) == log.entries()
    log.head()
    if len(data) % 8 == 0:  # it waits for the disk
        log.add(AuditKind.HANDOVER, "lina", {})
        assert log.entries()[-1].author == "lina"


@cache
def _bank() -> Mapping[str, bytes]:
    """Every file of a bank."""
    folder = _folder() / "whole"
    vpdq = Signal(Kind.VPDQ, vpdq_value([Feature(PDQ, 100, 0), Feature(PDQ, 90, 400)]))
    with open_bank(folder, make=True) as bank:
        bank.add(prints.fingerprint("one", prints.scene(1, 2)), "one", "a note", md5="c" * 32)
        bank.take([Known(1, (Signal(Kind.PDQ, PDQ, 90),), "three"), Known(2, (vpdq,), None, "four")], "list.csv")
        bank.disable("three", "a mistake")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.json*")} | {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.npz")
    }


def read_bank(data: bytes) -> None:
    """The first letter says which file: the head, the log, or a list of hashes."""
    whole = dict(_bank())
    which, rest = data[:1], data[1:]
    if which == b"h":
        whole[HEAD] = rest
    elif which == b"i":
        before = next(name for name in whole if name.startswith("hashes/"))
        name = hashlib.sha256(rest).hexdigest()
        whole[LOG] = whole[LOG].replace(Path(before).stem.encode(), name.encode())
        whole[f"hashes/{name}.jsonl"] = rest
    else:
        whole[LOG] = rest
    folder = _folder() / "bank"
    for name, contents_ in whole.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(contents_)
    try:
        with open_bank(folder) as bank:
            for entry in bank.entries():
                shown(entry.name), entry.kinds, bank.history(entry)
            bank.hash_only(), bank.exact(), bank.signals(), bank.cases()
    except (MatchIndexError, UsageError) as error:
        _said(error)
    if which == b"i":
        (folder / f"hashes/{hashlib.sha256(rest).hexdigest()}.jsonl").unlink()


def read_fingerprint(data: bytes) -> None:
    try:
        found = load_fingerprint(data, Path("some.npz"))
    except MatchIndexError as error:
        _said(error)
    else:
        assert found.vectors.shape[:2] == (len(found), len(VIEWS))
        assert bool(np.isfinite(found.vectors).all())


def read_hashes(data: bytes) -> None:
    """The first letter says which kind is asked for."""
    kind = {b"p": Kind.PDQ, b"s": Kind.SHA256, b"v": Kind.VPDQ}.get(data[:1])
    try:
        found = parse_hashes(data[1:], "list", kind)
    except UsageError as error:
        _said(error)
        return
    understood = sum(number for _, number in found.understood)
    assert understood + found.blank + len(found.skipped) == found.parts


def read_pdq(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    with suppress(ValueError):
        assert pdq.hex_of(pdq.of_hex(text)) == text.lower()
    with suppress(MalformedError):
        features = features_of(text)
        assert sorted(features_of(vpdq_value(features)), key=str) == sorted(features_of(vpdq_value(features)), key=str)
        assert len(features_of(vpdq_value(features))) == len(features)


def read_date(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    date, _, zone = text.partition("|")
    for tags in ({"creation_time": text}, {"ExifIFD/DateTimeOriginal": date, "ExifIFD/OffsetTimeOriginal": zone}):
        found = made_at(tags)
        assert found is None or (19 <= len(found) <= 20 and found.isascii())


def read_times(data: bytes) -> None:
    """Eight bytes a picture: its time in units of a 90,000th of a second, signed, or none."""
    clock = Clock(origin_ms=Fraction(len(data)), picture_ms=Fraction(40))
    chooser = Chooser(Sampling(mode=list(Mode)[len(data) % 3]))
    before = -1
    for at in range(0, len(data) - 7, 8):
        (stored,) = struct.unpack(">q", data[at : at + 8])
        told = clock.tell(None if stored == -(2**63) else Fraction(stored, 90))
        assert before < told <= LONGEST_MS + at
        chooser.choose(Glimpse(max(before, 0), told, is_key=bool(stored & 1), cut=float(stored & 255)))
        before = told


def read_size(data: bytes) -> None:
    from triage.run.crew import memory_size  # it brings the models' libraries

    try:
        assert memory_size(data.decode("utf-8", "surrogateescape")) >= 0
    except UsageError as error:
        _said(error)


def archives() -> list[bytes]:
    """Small ones of every kind that is read."""
    members = [("b/c.mp4", bytes(range(256)) * 3), ("d.mp4", b"short"), ("b/", b""), ("e" * 120, b"")]
    made = []
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", packing) as file:
            for name, data in members:
                file.writestr(name, data)
        made.append(held.getvalue())
    for shape in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        held = io.BytesIO()
        with tarfile.open(fileobj=held, mode="w", format=shape) as tar:
            for name, data in members:
                found = tarfile.TarInfo(name[-90:] if shape == tarfile.USTAR_FORMAT else name.strip("/"))
                found.size = len(data)
                found.mtime = 1.5 if shape == tarfile.PAX_FORMAT else 1
                tar.addfile(found, io.BytesIO(data))
        made.append(held.getvalue()[:6144])
    return made


def heads() -> list[bytes]:
    """Beginnings of media files and of others."""
    ftyp = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
    return [
        *(
            ftyp,
            b"\x1aE\xdf\xa3",
            b"RIFF\0\0\0\0AVI LIST",
            b"GIF89a\x01\0\x01\0;",
            b"OggS\0",
            b"PK\x03\x04" + bytes(40),
        ),
        *(b"#EXTM3U\n#EXTINF:1\nhttp://a/b", b'<?xml version="1.0"?><MPD>', b"1\n00:00:01,000 --> 00:00:02,000\na"),
        *(
            b"\xff\xd8\xff\xe0" + bytes(60),
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0",
            b"\xff\xfea\0b\0",
            b"words",
        ),
    ]


def boxed() -> list[bytes]:
    """MP4 files and photographs, without any picture in them."""

    def box(kind: bytes, inside: bytes = b"") -> bytes:
        return struct.pack(">I4s", 8 + len(inside), kind) + inside

    entry = box(b"encv", bytes(70))
    stsd = box(b"stsd", bytes(7) + b"\x01" + entry)
    header = box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", stsd)))) + box(b"mvex"))
    iloc = box(b"iloc", b"\0\0\0\0\x44\0\0\x01\0\x01\0\0\0\x01\0\0\0\x40\0\0\0\x08")
    infe = box(b"infe", b"\x02\0\0\0\0\x01\0\0grid\0")
    iinf = box(b"iinf", b"\0\0\0\0\0\x01" + infe)
    iref = box(b"iref", b"\0\0\0\0" + box(b"dimg", b"\0\x01\0\x02\0\x02\0\x03"))
    iprp = box(b"iprp", box(b"ipco", box(b"ispe", bytes(4) + struct.pack(">II", 64, 48))) + box(b"ipma", bytes(8)))
    meta = box(b"meta", bytes(4) + box(b"pitm", b"\0\0\0\0\0\x01") + iloc + iinf + iref + iprp)
    return [
        heads()[0] + header + box(b"mdat", bytes(9)),
        heads()[0] + meta + box(b"mdat", b"\0\0\0\x01\0\x40\0\x30"),
        *heads(),
    ]


def said_messages() -> list[bytes]:
    """What a decoder says."""
    example = report()
    refusal = messages.refusal_message(VideoError(failure().kind, failure().why))
    told = [messages.video_message(example.video), messages.coverage_message(example.coverage), refusal]
    told.append({"is": "sound", "streams": 1, "coded": {"codec": "aac", "rate_hz": 48000, "channels": 2}})
    told.append({"is": "same", "time_base": [1, 90000], "usual_s": [1, 25], "colours": [1, 1, 1]})
    half = "half of a letter: \ud800"
    told += [{**refusal, "why": half}, {**told[0], "container": half}, {**told[1], "why": [half]}]
    return [json.dumps(message).encode() for message in told] + [messages.said(told[0])]


def hashes() -> list[bytes]:
    """Lists of hashes as tools write them."""
    sums = f"{'a' * 32}  clip.mp4\nMD5 (clip.mp4) = {'b' * 32}\n"
    table = f"signal_type,signal_str,name,quality\npdq,{PDQ},one,100\nvideo_md5,{'c' * 32},two,\n"
    frames = f"0,100,{PDQ},0.0\n30,90,{PDQ},1.23e+03\n"
    one = json.dumps([{"pdq_hash": PDQ, "quality": 100, "timestamp": 0.5}, f"{PDQ},100,1.5"])
    return [
        f"p{text}".encode() for text in (sums, table, frames, one, f"vpdq {one}", f"{PDQ}\n", f"{PDQ},100,clip.mp4")
    ]


def policies() -> list[bytes]:
    return [path.read_bytes() for path in sorted((shipped("configs") / "policies").glob("*.toml"))]


def presets() -> list[bytes]:
    found = [path.read_bytes() for path in sorted(shipped("configs").glob("*.toml"))]
    return [
        *found,
        b'[detecting]\nroles = ["weapons"]\nat_least = {weapon = 0.3}\n[sampling]\nmode = "every"\nstep_ms = 9\n',
    ]


def logs() -> list[bytes]:
    folder = _folder() / "log"
    folder.mkdir(exist_ok=True)
    log = AuditLog(folder)
    for _ in range(3):
        log.add(AuditKind.HANDOVER, "lina", {"words": "go on", "kept_as": 1})
    data = (folder / AUDIT).read_bytes()
    return [data, data + b'{"number":5,"at"', data[: data.index(b"\n") + 1]]


def banks() -> list[bytes]:
    whole = _bank()
    listed = [b"i" + data for name, data in whole.items() if name.startswith("hashes/")]
    return [b"h" + whole[HEAD], b"l" + whole[LOG], *listed]


TARGETS: Mapping[str, Target] = {
    "content": Target(read_content, heads),
    "boxes": Target(read_boxes, boxed),
    "archive": Target(read_archive, archives),
    "messages": Target(read_message, said_messages),
    "settings": Target(read_settings, presets),
    "overrides": Target(
        read_override, lambda: [b"sampling.step_ms=200", b"detecting.at_least.weapon=0.3", b"a.b=[1,2]"]
    ),
    "policy": Target(read_policy, policies),
    "rows": Target(read_row, lambda: [dump_row(row_of(report())), dump_row(row_of(failure()))]),
    "log": Target(read_log, logs),
    "bank": Target(read_bank, banks),
    "fingerprint": Target(
        read_fingerprint, lambda: [dump_fingerprint(prints.fingerprint("a", prints.scene(1, 1, dim=4)))]
    ),
    "hashes": Target(read_hashes, hashes),
    "pdq": Target(read_pdq, lambda: [PDQ.encode(), f'["{PDQ},100,0.500", "{PDQ},9,1.000"]'.encode()]),
    "dates": Target(read_date, lambda: [b"2023-05-06T10:13:14.000000Z", b"2023:05:06 10:13:14|+02:00"]),
    "times": Target(
        read_times, lambda: [struct.pack(">8q", *range(0, 28800, 3600)), struct.pack(">3q", 2**62, -(2**63), 0)]
    ),
    "sizes": Target(read_size, lambda: [b"8G", b"7.5 GiB", b"6000M"]),
}
"""What can be tried, by name."""

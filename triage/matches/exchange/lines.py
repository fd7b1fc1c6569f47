"""One line of a list of hashes, in each of the forms that tools write. Pure."""

from __future__ import annotations

import re

from triage.matches.exchange.gathering import Said
from triage.matches.signals import (
    DIGITS,
    Feature,
    Kind,
    MalformedError,
    Signal,
    excerpt,
    feature_of,
    features_of,
    hash_hex,
    ms_of,
    quality_of,
    vpdq_value,
)

TYPES = {
    "pdq": Kind.PDQ,
    "hash_pdq": Kind.PDQ,
    "vpdq": Kind.VPDQ,
    "hash_vpdq": Kind.VPDQ,
    "md5": Kind.MD5,
    "video_md5": Kind.MD5,
    "photo_md5": Kind.MD5,
    "hash_md5": Kind.MD5,
    "hash_video_md5": Kind.MD5,
    "sha1": Kind.SHA1,
    "hash_sha1": Kind.SHA1,
    "sha256": Kind.SHA256,
    "video_sha256": Kind.SHA256,
    "hash_sha256": Kind.SHA256,
    "hash_video_sha256": Kind.SHA256,
}
"""What the threatexchange tools and their interfaces call a kind of hash, in lower case."""
NOT_MEANT = "NEGATIVE_CLASS"
"""With this word, whoever exchanges a hash says that what it finds is not what the list is of."""

_TYPED = re.compile(r"([A-Za-z][A-Za-z0-9_]*)[ \t]+(\S.*)")
_BSD = re.compile(r"(MD5|SHA1|SHA256) \((.+)\) = ([0-9a-fA-F]+)")
_SUMS = re.compile(r"\\?([0-9a-fA-F]{32,64}) [ *](.+)")
_HEX = re.compile(r"[0-9a-fA-F]{16,}")
_NUMBER = re.compile(r"[0-9]{1,12}")
_TIME = re.compile(r"[0-9.eE+-]{1,32}")


class UnclearError(MalformedError):
    """64 digits that may be PDQ or SHA-256; only whoever has the list knows."""


def said_by(line: str, kind: Kind | None) -> Said | None:
    """What a line says; None if it is empty or a comment.

    Args:
        kind: of hashes that do not say it themselves.

    Raises:
        UnclearError: the kind would have to be known.
        MalformedError: it is no form that is known, or one of its values cannot be.
    """
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    if text.startswith("["):
        return Said("vPDQ as JSON", (vpdq(text),))
    if file := _of_file(text):
        return file
    if "," in text and (found := _HEX.match(text) or _NUMBER.match(text)) and text[found.end()] == ",":
        return _listed(text, kind)
    if _HEX.fullmatch(text):
        return Said("one hash a line", (hash_of(text, kind),))
    if found := _TYPED.fullmatch(text):
        return typed(*found.groups())
    raise MalformedError(f"{excerpt(text)} is no hash in a form that is known here")


def typed(word: str, value: str) -> Said:
    """What ``signal_type value`` says; the threatexchange tools may write more behind it.

    Raises:
        MalformedError: it is a type that is not compared here, or no such value.
    """
    kind = kind_called(word)
    form = f"{kind} after its signal_type"
    if NOT_MEANT in value.split():
        raise MalformedError(f"whoever lists it says that it does not belong here ({NOT_MEANT})")
    if kind is Kind.VPDQ:
        return Said(form, (vpdq(value[: value.rfind("]") + 1]),))
    return Said(form, (Signal(kind, hash_hex(value.split(maxsplit=1)[0], kind)),))


def kind_called(word: str) -> Kind:
    """The kind of hash that a tool calls this.

    Raises:
        MalformedError: it is none that is compared here.
    """
    if word.lower() not in TYPES:
        raise MalformedError(f"{excerpt(word)} is no kind of hash that is compared here")
    return TYPES[word.lower()]


def vpdq(text: str) -> Signal:
    """The vPDQ that a JSON list of ``hash,quality,seconds`` is.

    Raises:
        MalformedError: it is something else.
    """
    return Signal(Kind.VPDQ, vpdq_value(features_of(text)))


def hash_of(text: str, kind: Kind | None, quality: int | None = None) -> Signal:
    """A hash by the number of its digits, or of this kind.

    Raises:
        UnclearError: it has 64 digits, and no kind is given.
        MalformedError: it is no hash, or not of this kind.
    """
    if kind is None:
        if len(text) == DIGITS[Kind.PDQ]:
            raise UnclearError("64 digits may be PDQ or SHA-256")
        kind = next((each for each in (Kind.MD5, Kind.SHA1) if DIGITS[each] == len(text)), None)
        if kind is None:
            raise MalformedError(f"{excerpt(text)} has {len(text)} digits; MD5 has 32, SHA-1 40, PDQ and SHA-256 64")
    return Signal(kind, hash_hex(text, kind), quality if kind is Kind.PDQ else None)


def file_stem(name: str) -> str | None:
    """A file's name without folders and without its ending."""
    base = re.split(r"[/\\]", name.strip())[-1]
    stem, dot, _ = base.rpartition(".")
    return (stem if dot and stem else base) or None


def _of_file(text: str) -> Said | None:
    """``hash  name`` or ``MD5 (name) = hash``, as md5sum and its siblings write; None: it is neither."""
    if found := _BSD.fullmatch(text):
        algorithm, name, digits = found.groups()
        kind = TYPES[algorithm.lower()]
        signal = Signal(kind, hash_hex(digits, kind))
    elif found := _SUMS.fullmatch(text):
        digits, name = found.groups()
        signal = hash_of(digits, Kind.SHA256 if len(digits) == DIGITS[Kind.SHA256] else None)
    else:
        return None
    return Said(f"{signal.kind} of a file", (signal,), hint=file_stem(name))


def _listed(text: str, kind: Kind | None) -> Said:
    """``frame,quality,hash[,seconds]``, ``hash,quality[,seconds or name]`` or ``hash,name``."""
    parts = [part.strip() for part in text.split(",")]
    if not _HEX.match(parts[0]):
        if len(parts) not in {3, 4}:
            raise MalformedError(f"{excerpt(text)} is no frame,quality,hash,seconds")
        time_ms = ms_of(parts[3]) if len(parts) == 4 else None
        feature = Feature(hash_hex(parts[2], Kind.PDQ), quality_of(parts[1]), time_ms)
        return Said("vPDQ as frame,quality,hash,seconds", feature=feature)
    is_rated = len(parts[0]) == DIGITS[Kind.PDQ] and _NUMBER.fullmatch(parts[1])
    if not is_rated:
        return Said("hash,name", (hash_of(parts[0], kind),), hint=file_stem(text.partition(",")[2]))
    if len(parts) == 3 and _TIME.fullmatch(parts[2]):
        return Said("vPDQ as hash,quality,seconds", feature=feature_of(text))
    signal = Signal(Kind.PDQ, hash_hex(parts[0], Kind.PDQ), quality_of(parts[1]))
    return Said("pdq as hash,quality,name", (signal,), hint=file_stem(",".join(parts[2:])))

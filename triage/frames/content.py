"""What a file is by its first bytes. Its name is never asked: people rename evidence, and FFmpeg believes names."""

from __future__ import annotations

import re

import puremagic

HEAD_BYTES = 4096
"""As many first bytes are judged."""

TEXT_PICTURES = re.compile(rb"P[1-7]\s|YUV4MPEG2|/\* XPM|#define ")
"""Beginnings of pictures that may be written as text, or whose samples may happen to look like it."""

TEXTS = (
    (re.compile(rb"#EXTM3U"), "a playlist (M3U) that names other files"),
    (re.compile(rb"ffconcat version"), "a list of other files (ffconcat)"),
    (re.compile(rb"<\?xml[^>]*>\s*(<!--.*?-->\s*)*<MPD|<MPD"), "a playlist (DASH) that names other files"),
    (re.compile(rb"\[playlist\]", re.IGNORECASE), "a playlist (PLS) that names other files"),
    (re.compile(rb"WEBVTT"), "subtitles (WebVTT)"),
    (re.compile(rb"\[Script Info\]", re.IGNORECASE), "subtitles (ASS)"),
    (re.compile(rb"\s*\d+\s+\d+:\d\d:\d\d[,.]\d+ --> "), "subtitles (SRT)"),
    (re.compile(rb"v=0\r?\no="), "the description of a live stream (SDP)"),
    (re.compile(rb"\s*(<!doctype html|<html)", re.IGNORECASE), "a web page"),
    (re.compile(rb"\s*<\?xml|\s*<svg"), "an XML text"),
    (re.compile(rb"\s*[\[{]"), "text, perhaps JSON"),
)
"""Texts that FFmpeg would take for media or that lie beside media, in the order in which they are tried."""

MEDIA = (
    (re.compile(rb".{4}(ftyp|styp|moov|moof|mdat|sidx|wide|skip|free|pnot)", re.DOTALL), "an MP4 or QuickTime file"),
    (re.compile(rb"\x1aE\xdf\xa3"), "a Matroska or WebM file"),
    (re.compile(rb"(?=G.{187}(G|\Z))G", re.DOTALL), "an MPEG transport stream"),
    (re.compile(rb".{4}G.{191}G", re.DOTALL), "an MPEG transport stream of a camera"),
    (re.compile(rb"\0\0\x01[\xba\xb3]"), "an MPEG programme stream"),
    (re.compile(rb"RIFF.{4}AVI ", re.DOTALL), "an AVI file"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "a WebP picture"),
    (re.compile(rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"), "a Windows Media file"),
    (re.compile(rb"FLV\x01"), "a Flash video"),
    (re.compile(rb"OggS"), "an Ogg file"),
    (re.compile(rb"GIF8[79]a"), "a GIF"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "a PNG picture"),
    (re.compile(rb"\xff\xd8\xff"), "a JPEG picture"),
    (re.compile(rb"BM.{4}\0\0\0\0", re.DOTALL), "a BMP picture"),
    (re.compile(rb"II\*\0|MM\0\*"), "a TIFF picture"),
    (re.compile(rb"\.RMF"), "a RealMedia file"),
    (re.compile(rb"\x06\x0e\x2b\x34"), "an MXF file"),
    (re.compile(rb"\0\0\0\x01[\x40\x42\x67\x27\x09]|\0\0\0\x01\x46\x01"), "a bare H.264 or H.265 stream"),
)
"""Beginnings of what should hold pictures."""


ARCHIVES = (
    # Office documents are ZIP files too, and begin with a list of their parts or with their own type.
    (re.compile(rb"PK\x03\x04(?!.{26}(\[Content_Types\]\.xml|mimetypeapplication/vnd\.oasis))", re.DOTALL), "ZIP"),
    (re.compile(rb"Rar!\x1a\x07"), "RAR"),
    (re.compile(rb"7z\xbc\xaf\x27\x1c"), "7z"),
    (re.compile(rb"\x1f\x8b"), "gzip"),
    (re.compile(rb"BZh[1-9]"), "bzip2"),
    (re.compile(rb"\xfd7zXZ\0"), "xz"),
    (re.compile(rb"\x28\xb5\x2f\xfd"), "zstd"),
    (re.compile(rb".{257}ustar", re.DOTALL), "tar"),
)
"""Beginnings of what may hold videos of its own."""


def archive_kind(head: bytes) -> str | None:
    """Which kind of archive begins like this; None: no kind that we know."""
    return next((name for pattern, name in ARCHIVES if pattern.match(head)), None)


def text_kind(head: bytes) -> str | None:
    """What kind of text this is, with its article; None where it is no text, or may be a picture written as text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and _is_text(head[2:].replace(b"\0", b"")):
        return "text"
    body = head.removeprefix(b"\xef\xbb\xbf")
    if not _is_text(body) or TEXT_PICTURES.match(body):
        return None
    return next((name for pattern, name in TEXTS if pattern.match(body)), "text")


def media_kind(head: bytes) -> str | None:
    """Which kind of video or picture file begins like this, with its article; None: no kind that we know."""
    return next((name for pattern, name in MEDIA if pattern.match(head)), None)


def looks_like(head: bytes) -> str:
    """A phrase for the person at the screen: what a file that begins like this seems to be."""
    kind = text_kind(head) or media_kind(head)
    if kind:
        return f"it looks like {kind}"
    if not any(head):
        return "it begins with nothing but zeros, as a file does whose contents were never written or are lost"
    known = other_kind(head)
    return f"by its contents it may be: {known}" if known else "its contents are of no kind that we know"


def other_kind(head: bytes) -> str | None:
    """What else a file is that begins like this, as puremagic knows it, such as a document; None: unknown."""
    try:
        return str(puremagic.magic_string(head)[0].name)
    except (puremagic.PureError, ValueError):
        return None


def _is_text(head: bytes) -> bool:
    return bool(head) and not re.search(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]", head)

"""The sentences for files that have no picture to show."""

from __future__ import annotations

from collections.abc import Collection

from triage.errors import Refusal, VideoError
from triage.frames import content
from triage.frames.outline import Outline
from triage.phrases import clock
from triage.records import OUT_OF_MEMORY

FRAGMENT_KINDS = frozenset({"moof", "styp", "sidx"})
"""Boxes of a stream in fragments."""


def empty() -> VideoError:
    return VideoError(Refusal.EMPTY, "the file is empty: it has 0 bytes")


def no_longer_read(error: OSError, reached_ms: int) -> VideoError:
    """For a read that the system refused when pictures up to this time had come."""
    return VideoError(
        Refusal.NOT_OPENED, f"it could be read only up to {clock(reached_ms)} of the video: {error.strerror or error}"
    )


def not_media(head: bytes) -> VideoError:
    """For what is something else, may hold others, or cannot be recognised at all; the last may be a video."""
    archive = content.archive_kind(head)
    if archive:
        why = f"it is an archive ({archive}): nobody looked at what is in it; unpack it into the dump and scan again"
        return VideoError(Refusal.ARCHIVE, why)
    if content.text_kind(head) or content.other_kind(head):
        return VideoError(Refusal.NOT_MEDIA, f"it is not a video: {content.looks_like(head)}")
    why = f"it was not recognised: {content.looks_like(head)}; it may be damaged, encrypted, or no video"
    return VideoError(Refusal.UNREADABLE, why)


def asks_for_others(address: str) -> VideoError:
    return VideoError(
        Refusal.NOT_MEDIA,
        f"it holds no pictures of its own, but asks for another file or address ({address}): it was not opened",
    )


def no_header(head: bytes, outline: Outline, reason: str) -> VideoError:
    """For a file that the decoder does not even begin to read.

    Args:
        head: its first bytes.
        outline: its parts.
        reason: what the decoder said.
    """
    if outline.is_mp4 and not outline.has_header and outline.kinds & FRAGMENT_KINDS:
        return VideoError(
            Refusal.UNREADABLE,
            "it is a fragment of an MP4 stream without its header (the initialisation segment), and its pictures cannot"
            " be decoded without it; look for the file that came first in the same folder",
        )
    if outline.is_mp4 and not outline.has_header:
        return VideoError(
            Refusal.UNREADABLE,
            "it is an MP4 file without its header (moov), like a recording that was broken off before it was finished;"
            " its pictures can perhaps be recovered with the help of another file from the same device",
        )
    kind = content.media_kind(head)
    if kind:
        return VideoError(Refusal.UNREADABLE, f"it begins like {kind}, but its header cannot be read ({reason})")
    return not_media(head)


def no_video(head: bytes, sounds: Collection[str], others: Collection[str], *, has_cover: bool) -> VideoError:
    """For a file that was read and has no video stream.

    Args:
        head: its first bytes.
        sounds: how its sound is coded.
        others: kinds of its other streams.
        has_cover: there is a picture, but it is the cover of the sound.
    """
    if not sounds and not others and not content.media_kind(head):
        return not_media(head)
    held = ([f"sound ({', '.join(sorted(sounds))})"] if sounds else []) + sorted(others)
    cover = ", and a cover picture" if has_cover else ""
    return VideoError(Refusal.NO_VIDEO, f"it has no video stream: it holds {' and '.join(held) or 'nothing'}{cover}")


def no_decoder() -> VideoError:
    return VideoError(Refusal.UNREADABLE, "its video is coded in a way that triage cannot decode")


def too_large(width_px: int, height_px: int, most_px: int) -> VideoError:
    return VideoError(
        Refusal.UNREADABLE,
        f"its pictures would be {width_px} x {height_px} pixels, above the limit of {most_px // 1_000_000} million; so"
        " large a size is more likely an error or a trap than a picture",
    )


def no_picture(
    codec: str, head: bytes, outline: Outline, *, tried: int, short_of_memory: int, end_error: str | None
) -> VideoError:
    """For a file with a video stream from which not one picture came.

    Args:
        codec: how the stream is coded.
        head: its first bytes.
        outline: its parts.
        tried: pieces that the decoder was given.
        short_of_memory: of these, for which memory ran out.
        end_error: why reading stopped early, if it did.
    """
    if not outline.has_pictures and outline.is_fragmented:
        return VideoError(
            Refusal.UNREADABLE,
            "it is only the header of an MP4 stream (an initialisation segment) and holds no pictures; they are in"
            " other files, the fragments that belong to it",
        )
    if not outline.has_pictures:
        return VideoError(
            Refusal.UNREADABLE,
            f"it is only the header of a video ({codec}), without pictures; they were cut off, or are in another file",
        )
    if outline.is_encrypted:
        return VideoError(
            Refusal.ENCRYPTED, f"its pictures ({codec}) are encrypted, and none can be decoded without the key"
        )
    if codec == "webp" and b"ANIM" in head[:64]:
        return VideoError(
            Refusal.UNREADABLE,
            "it is an animated WebP, which triage cannot decode; converted to a GIF or a video it can be examined",
        )
    because = "".join(f"; {remark}" for remark in [*([end_error] if end_error else []), *missing(outline)])
    if tried:
        pieces = "its only piece" if tried == 1 else f"not one of the {tried} pieces that were tried"
        could = "could not be decoded" if tried == 1 else "could be decoded"
        cause = f"{short_of_memory} of them {OUT_OF_MEMORY}" if short_of_memory else "it is damaged or encrypted"
        if short_of_memory == tried == 1:
            cause = f"it {OUT_OF_MEMORY}"
        return VideoError(
            Refusal.UNREADABLE,
            f"it has a video stream ({codec}), but {pieces} {could}: {cause}{because}",
        )
    return VideoError(
        Refusal.UNREADABLE,
        f"it has the header of a video stream ({codec}), but there are no pictures behind it{because}",
    )


def missing(outline: Outline) -> list[str]:
    """What the outline says of the file's end, as a sentence or none."""
    if outline.has_video_behind:
        return ["a video follows the picture in the same file, and only the picture was looked at"]
    if outline.missing_bytes is None:
        return ["the file breaks off: the mark that ends such a file is not there"]
    if outline.missing_bytes:
        return [f"the file breaks off: by its own word {outline.missing_bytes} bytes are missing at its end"]
    return []

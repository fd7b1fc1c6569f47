"""When a file says that it was recorded. Anyone can write there, so what cannot be a date is nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

_TAGS = ("com.apple.quicktime.creationdate", "creation_time")
"""The first is when the camera recorded; the second is written anew by many programs that export or copy."""
_EXIF = ("exififd/datetimeoriginal", "exififd/offsettimeoriginal")
_WRITTEN = re.compile(
    r"(\d{4})[-:](\d\d)[-:](\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(Z|[+-](?:0\d|1[0-4]):?[0-5]\d)?", re.ASCII
)
_EPOCHS = tuple(datetime(year, 1, 1, tzinfo=UTC) for year in (1904, 1970, 1980, 2000))
"""What a counter at zero is read as: of QuickTime, Unix, FAT, and many cameras whose clock was never set."""
_FIRST, _LAST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""Digital recordings that name their date are not older; what claims to come from after the century is not believed."""
_ZONES = timedelta(hours=14)
"""As far as a local time can lie from UTC."""


def made_at(*tags: Mapping[str, str]) -> str | None:
    """The date of recording that these tags give, ``2023-05-06T10:13:14Z``; without the Z where no zone is named.

    Args:
        tags: of the container, of the stream and of the picture; the first that makes sense counts.
    """
    for written in _dates({key.lower(): value for key, value in each.items()} for each in tags):
        read = _read(written.strip("\0 "))
        if read is not None:
            return read
    return None


def _dates(tags: Iterator[dict[str, str]]) -> Iterator[str]:
    for each in tags:
        yield from (each[key] for key in _TAGS if key in each)
        date, zone = (each.get(key, "").strip("\0 ") for key in _EXIF)
        yield f"{date}{zone}"


def _read(written: str) -> str | None:
    match = _WRITTEN.fullmatch(written)
    if not match:
        return None
    *numbers, zone = match.groups()
    try:
        local = datetime(*map(int, numbers), tzinfo=UTC)  # type: ignore[arg-type, misc]  # six whole numbers
        utc = local - _offset(zone)
    except (ValueError, OverflowError):
        return None
    if not _FIRST <= utc < _LAST or any(_is_near(utc, epoch, has_zone=zone is not None) for epoch in _EPOCHS):
        return None
    return utc.strftime("%Y-%m-%dT%H:%M:%S") + ("Z" if zone else "")


def _is_near(utc: datetime, epoch: datetime, *, has_zone: bool) -> bool:
    """Whether it is this epoch, or the first seconds of a clock that began there; in any zone, if none is named."""
    return abs(utc - epoch) < (timedelta(minutes=1) if has_zone else _ZONES)


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone == "Z":
        return timedelta(0)
    digits = zone[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if zone[0] == "-" else offset

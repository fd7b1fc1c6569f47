"""Pieces of sentences that every part says alike: times, counts, lists."""

from __future__ import annotations

from collections.abc import Iterable


def clock(time_ms: int) -> str:
    """``00:12.480``, with hours only where there are any."""
    minutes, ms = divmod(time_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02d}:{ms // 1000:02d}.{ms % 1000:03d}"
    return f"{hours}:{text}" if hours else text


def span(start_ms: int, end_ms: int) -> str:
    """``at 00:12.480``, or ``00:12.480 to 00:15.000``."""
    return f"at {clock(start_ms)}" if start_ms == end_ms else f"{clock(start_ms)} to {clock(end_ms)}"


def listing(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *some, last = words
    return f"{', '.join(some)} and {last}" if some else last


def counted(number: int, one: str, many: str) -> str:
    """``1 picture``, ``3 pictures``."""
    return f"{number} {one if number == 1 else many}"


def rough(seconds: float) -> str:
    """``40 s``, ``12 min``, ``2.5 h``, ``3.1 days``: as exact as an estimate is."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86_400:.1f} days"


def sized(size: int) -> str:
    """``312 kB``, ``4.7 GB``: in thousands, as file managers show it."""
    if size < 1_000_000:
        return f"{-(-size // 1000)} kB"
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"

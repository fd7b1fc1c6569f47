"""Pieces of sentences that every part says alike: times, counts, lists, and what labels and roles are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from triage.records import Label, Role

LABEL_WORDS: Mapping[Label, str] = {
    Label.PERSON: "person",
    Label.WEAPON: "weapon",
    Label.HANDGUN: "handgun",
    Label.LONG_GUN: "long gun",
    Label.BLADE: "blade",
    Label.BOUND_HANDS: "bound hands",
    Label.HANDS_UNKNOWN: "person whose hands cannot be judged",
    Label.CAMOUFLAGE: "camouflage clothing",
    Label.SERVICE_DRESS: "service dress",
    Label.TACTICAL_GEAR: "tactical gear",
    Label.CIVILIAN: "civilian clothing",
    Label.CLOTHING_UNKNOWN: "person whose clothes cannot be judged",
    Label.POSSIBLE_MINOR: "person who may be a minor",
    Label.ADULT: "adult",
    Label.AGE_UNKNOWN: "person of unknown age",
    Label.GRAPHIC: "graphic content",
    Label.SEXUAL: "sexual content",
    Label.FACE: "face",
}

CONDITION_WORDS: Mapping[str, str] = {"night": "dark", "grey": "grey", "small": "small"}

LABEL_PLURALS: Mapping[Label, str] = {
    Label.PERSON: "people",
    Label.WEAPON: "weapons",
    Label.HANDGUN: "handguns",
    Label.LONG_GUN: "long guns",
    Label.BLADE: "blades",
    Label.BOUND_HANDS: "pairs of bound hands",
    Label.HANDS_UNKNOWN: "people whose hands cannot be judged",
    Label.CAMOUFLAGE: "sets of camouflage clothing",
    Label.SERVICE_DRESS: "sets of service dress",
    Label.TACTICAL_GEAR: "sets of tactical gear",
    Label.CIVILIAN: "sets of civilian clothing",
    Label.CLOTHING_UNKNOWN: "people whose clothes cannot be judged",
    Label.POSSIBLE_MINOR: "people who may be minors",
    Label.ADULT: "adults",
    Label.AGE_UNKNOWN: "people of unknown age",
    Label.GRAPHIC: "sights of graphic content",
    Label.SEXUAL: "sights of sexual content",
    Label.FACE: "faces",
}

ROLE_WORDS: Mapping[Role, str] = {
    Role.PEOPLE: "people",
    Role.WEAPONS: "weapons",
    Role.BOUND_HANDS: "bound hands",
    Role.UNIFORMS: "uniforms",
    Role.MINORS: "minors",
    Role.GRAPHIC: "graphic content",
    Role.FACES: "faces",
    Role.SEXUAL: "sexual content",
    Role.COPIES: "copies",
}


def clock(time_ms: int) -> str:
    """``00:12.480``, with hours only where there are any."""
    minutes, ms = divmod(time_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02d}:{ms // 1000:02d}.{ms % 1000:03d}"
    return f"{hours}:{text}" if hours else text


def span(start_ms: int, end_ms: int) -> str:
    """``at 00:12.480``, or ``00:12.480 to 00:15.000``."""
    return f"at {clock(start_ms)}" if start_ms == end_ms else f"{clock(start_ms)} to {clock(end_ms)}"


def roughly(start_ms: int, end_ms: int) -> str:
    """``00:12–00:31``: outwards to whole seconds, for who reads and does not cut.

    To tenths where it lasts less than two seconds, ``00:12.4–00:13.1``, and ``at 00:12.4`` within one of them.
    """
    to_ms = 100 if end_ms - start_ms < 2000 else 1000
    first, last = start_ms // to_ms, -(-end_ms // to_ms)
    if last - first <= 1 and to_ms < 1000:
        return f"at {about(first * to_ms)}"
    return f"{about(first * to_ms, to_ms)}–{about(last * to_ms, to_ms)}"


def about(time_ms: int, to_ms: int = 100) -> str:
    """``00:12.4``, or ``00:12`` to whole seconds."""
    return clock(time_ms)[: -2 if to_ms < 1000 else -4]


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

"""One frozen dataclass per stage: defaults live here, a TOML file states differences, the command line wins."""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from triage.errors import SettingsError
from triage.records import LOOKS, Label, Role
from triage.shipped import shipped

PRESETS = ("quick", "default", "thorough")
MOST_BYTES = 2**20
"""Of a settings or policy file; a larger one is something else."""
MOST_WHOLE = 2**53
"""Above, a number is none that anything here could be counted in."""


class Mode(StrEnum):
    """Which decoded pictures are candidates for a look."""

    KEYFRAMES = "keyframes"
    """Pictures that a decoder can show without the others, and more where those are more than ``max_gap_ms`` apart."""
    STEPS = "steps"
    """A regular step, every cut, and whatever changes in between."""
    EVERY = "every"
    """Every picture that differs from the last one looked at."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which moments of a video are looked at."""

    mode: Mode = Mode.STEPS
    step_ms: int = 400
    """What is on screen for this long is looked at in mode ``steps``, at any rate of pictures; the shortest time
    between two key pictures looked at in mode ``keyframes``."""
    max_gap_ms: int = 2000
    """What is on screen for this long is looked at in mode ``keyframes``."""
    cut_difference: float = 24.0
    """Mean difference of luma (0 to 255) between two neighbouring pictures from which they are two shots."""
    novelty_difference: float = 40.0
    """Difference of luma (0 to 255) in the most changed 1/64th of the picture, against the last look, from which a
    picture between two steps is looked at as well."""
    same_difference: float = 4.0
    """Largest difference of luma (0 to 255) anywhere in a 160 px wide copy, against the last look, below which a
    picture counts as the same and is not looked at again."""
    longest_same_ms: int = 10_000
    """A picture that stays the same is nevertheless looked at again after this time."""

    def __post_init__(self) -> None:
        for name in ("step_ms", "max_gap_ms", "longest_same_ms"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1 ms, got {getattr(self, name)}")
        for name in ("cut_difference", "novelty_difference", "same_difference"):
            if not 0 <= getattr(self, name) <= 255:
                raise ValueError(f"{name} is a difference of luma between 0 and 255, got {getattr(self, name)}")


class Precision(StrEnum):
    """How exactly networks calculate."""

    FAST = "fast"
    """As the device likes best. Boxes may differ by a pixel or two between machines; a report says what it ran on."""
    EXACT = "exact"
    """In 32 bits everywhere, at about half the speed where the device likes 16."""


@dataclass(frozen=True, slots=True)
class Detecting:
    """Which models look, and on what."""

    roles: tuple[Role, ...] = LOOKS
    """What to look for, as far as there are weights for it."""
    device: str = "auto"
    """``auto``, ``cpu``, ``mps`` or ``cuda:N``. ``auto`` takes a CUDA card, else Apple's, else the processor."""
    precision: Precision = Precision.FAST
    """``fast`` or ``exact``: whether networks may calculate in 16 bits."""
    batch: int = 8
    """Pictures a model is given at once."""
    image_px: int = 0
    """Longest side of the picture that a model sees; 0: what its weights were made for."""
    turned: bool = False
    """Whether the picture is also turned for everybody whose body is not clearly seen; otherwise only for those whose
    box is as wide as that of somebody who lies."""
    tiles: int = 1
    """Pieces along the longer side in which boxes are also looked for, beside the whole picture, so that what is small
    is seen larger; 1: none. With 2, a wide picture is looked at 5 times."""
    at_least: Mapping[Label, float] = field(default_factory=dict)
    """Lowest score that counts, by label, on the scale of a report's scores; without one, the threshold in the weights'
    calibration, by day, night, grey or small, or else the operating point in their manifest entry."""

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= 256:
            raise ValueError(f"batch is at least 1 picture and at most 256, got {self.batch}")
        if stray := [str(role) for role in self.roles if role not in LOOKS]:
            raise ValueError(
                f"roles are of what is looked for in a picture, {', '.join(LOOKS)}; got {', '.join(stray)}"
            )
        if self.image_px and (not 128 <= self.image_px <= 4096 or self.image_px % 32):
            raise ValueError(f"image_px is 0 or a multiple of 32 from 128 to 4096, got {self.image_px}")
        if not 1 <= self.tiles <= 8:
            raise ValueError(f"tiles is at least 1 and at most 8, got {self.tiles}")
        for label, score in self.at_least.items():
            if not 0 < score <= 1:
                raise ValueError(f"at_least for {label} is a score above 0 and up to 1, got {score}")


@dataclass(frozen=True, slots=True)
class Tracking:
    """How findings are linked in time."""

    max_gap_ms: int = 1500
    """A thing unseen for longer starts a new track when it is seen again."""
    least_overlap: float = 0.1
    """Intersection over union that a finding must have with where its track was expected."""

    def __post_init__(self) -> None:
        if self.max_gap_ms < 1:
            raise ValueError(f"max_gap_ms is at least 1 ms, got {self.max_gap_ms}")
        if not 0 <= self.least_overlap <= 1:
            raise ValueError(f"least_overlap is a share between 0 and 1, got {self.least_overlap}")


@dataclass(frozen=True, slots=True)
class Estimating:
    """What is said of a person from all looks at them."""

    hands_from: float = 0.2
    """Probability from which possible bound hands are reported; it never exceeds 0.49."""
    hands_least_looks: int = 4
    """Looks at hands held in a suspicious way that are needed for their full weight; a single picture has less."""
    hands_least_ms: int = 1500
    """Time over which these looks must be spread for their full weight."""
    hands_least_share: float = 0.6
    """Share of the looks that show the hands in which they must be held so: a clasp for a moment is not it."""
    hands_stretch_ms: int = 8000
    """Length of the stretches of time that are judged each by itself; the one that says most decides."""
    hands_seen: float = 0.5
    """Score from which a wrist or an elbow counts as seen."""
    hands_least_shown: float = 0.4
    """Share of a person's looks that must show the hands; below, whether they are bound cannot be told."""
    clothing_least_px: int = 48
    """Height of a person's box, in pixels of the video, below which nothing is said of what they wear."""
    uniform_from: float = 0.88
    """Probability from which somebody is said to wear camouflage, service dress or tactical gear. With the weights that
    ship, at most 2 % of the civilians that it was chosen on were above in one look (weights/uniforms.md)."""
    civilian_from: float = 0.8
    """Probability of none of them from which somebody is called civilian; in between, it cannot be told."""
    minor_from: float = 0.25
    """Probability from which somebody is called a possible minor; see the card of the weights ``minors``."""
    adult_below: float = 0.3
    """Somebody is called an adult if the upper end of what their looks allow lies below this; else nobody can tell."""
    minors_least_face_px: int = 14
    """Longer side of a face, in pixels of the video's height, up to which it is too small to say anything."""
    minors_enough_face_px: int = 48
    """The same, from which more pixels do not make a look better."""
    minors_least_worth: float = 0.3
    """Clear looks at the face that all looks together must be worth, for somebody to be called a possible minor."""

    def __post_init__(self) -> None:
        for name in (
            "hands_from",
            "hands_least_share",
            "hands_seen",
            "hands_least_shown",
            "uniform_from",
            "civilian_from",
            "minor_from",
            "adult_below",
            "minors_least_worth",
        ):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is above 0 and up to 1, got {getattr(self, name)}")
        for name in (
            "hands_least_looks",
            "hands_stretch_ms",
            "clothing_least_px",
            "minors_least_face_px",
            "minors_enough_face_px",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, got {getattr(self, name)}")
        if self.hands_least_ms < 0:
            raise ValueError(f"hands_least_ms is at least 0 ms, got {self.hands_least_ms}")


@dataclass(frozen=True, slots=True)
class Matching:
    """When two videos are said to show the same. Nothing here changes what a report says."""

    least_ms: int = 2000
    """Shortest stretch, in ms of the video that was asked for, that is reported as a copy."""
    least_similarity: float = 0.4
    """Likeness that the pictures of a stretch must have on average: 1 the same, 0 no more alike than any two. More is
    asked of a stretch of less than ten different pictures and of a still, less of one that moves just as the other."""
    slowest: float = 0.5
    """Lowest speed of a copy that is looked for, 1.0 as it was."""
    fastest: float = 2.0
    """Highest speed of a copy that is looked for."""
    neighbours: int = 20
    """Stored pictures that are fetched for each picture asked for, before stretches are looked for."""
    fruitless: int = 100
    """Videos in a row that look a little like one and, compared with it, show nothing of it, after which those that
    look still less like it are not compared. Of 81 real clips none had more than 8 such others, and the last that was a
    copy stood fourth; of drawn clips of one kind each has all the others."""
    exact_up_to: int = 50_000
    """Pictures up to which every one is compared; above, an approximate index is asked first. So many are asked 800
    times a second by one core, and with an hour of video in about the time that it took to make its fingerprint:
    ``docs/scale.md``."""
    shard_vectors: int = 5_000_000
    """Pictures that one part of the index holds. A case that has more gets several, built one after the other in the
    memory of one (2 GiB for five million) and read from the disk: ``docs/scale.md``."""
    flood_share: float = 0.05
    """A clip of a bank that is found in more than this share of a case's videos is parked as a flood."""
    flood_least: int = 20
    """Videos in which it must be found for that."""

    def __post_init__(self) -> None:
        for name in ("least_ms", "neighbours", "fruitless", "exact_up_to", "shard_vectors", "flood_least"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, got {getattr(self, name)}")
        if not 0 < self.slowest <= 1 <= self.fastest <= 4:
            raise ValueError(f"slowest is above 0 and up to 1, fastest from 1 to 4, got {self.slowest}, {self.fastest}")
        for name in ("least_similarity", "flood_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} is above 0 and up to 1, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Judging:
    """How findings become a queue."""

    policy: str = "default"
    """A policy that ships with triage, by name, or the path of a policy file."""
    likely_from: float = 0.5
    """Score from which a thing is called likely, if one look of its track reached it; below, possible."""
    very_likely_from: float = 0.75
    """Score from which a thing is called very likely, if at least two looks of its track reached it."""

    def __post_init__(self) -> None:
        if not 0 <= self.likely_from <= self.very_likely_from <= 1:
            raise ValueError("likely_from is at most very_likely_from, both between 0 and 1")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can change what a report says, beside the weights."""

    sampling: Sampling = field(default_factory=Sampling)
    detecting: Detecting = field(default_factory=Detecting)
    tracking: Tracking = field(default_factory=Tracking)
    estimating: Estimating = field(default_factory=Estimating)
    judging: Judging = field(default_factory=Judging)
    matching: Matching = field(default_factory=Matching)

    def digest(self, *, judging: bool) -> str:
        """SHA-256 over every setting of looking (sampling, detecting, tracking, estimating), or of judging alone.

        They are apart so that another policy judges anew what is stored, and does not look at every video again.
        Matching is in neither: what is a copy of what is found anew from fingerprints, and stands in no report.
        """
        values = {
            name: dict(value) if isinstance(value, Mapping) else value
            for name, value in listed(self)
            if name.startswith("judging.") is judging and not name.startswith("matching.")
        }
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Sourced:
    """Effective settings, and where each came from."""

    settings: Settings
    origin: Mapping[str, str]
    """``section.key`` to a file name or "command line"; a key that is absent has its default."""


def load_settings(name: str = "default", overrides: Iterable[str] = ()) -> Sourced:
    """Settings from a preset or a file, then ``section.key=value`` overrides.

    Args:
        name: ``quick``, ``default``, ``thorough``, or the path of a TOML file.
        overrides: each ``section.key=value``, the value as TOML would have it; bare words are taken as text.

    Raises:
        SettingsError: no such file, not TOML, an unknown section or key, or a value that cannot be meant.
    """
    path = shipped("configs") / f"{name}.toml" if name in PRESETS else Path(name)
    chosen: dict[str, Any] = {}
    origin: dict[str, str] = {}
    _lay_over(chosen, origin, _read_toml(path), f"{name}.toml" if name in PRESETS else str(path))
    for override in overrides:
        _lay_over(chosen, origin, _parse_override(override), "command line")
    return Sourced(_build(Settings, chosen, ()), origin)


def listed(settings: Settings) -> Iterable[tuple[str, Any]]:
    """``section.key`` and value of every setting, in the order they are declared."""
    for section in fields(settings):
        stage = getattr(settings, section.name)
        for key in fields(stage):
            yield f"{section.name}.{key.name}", getattr(stage, key.name)


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """The table in a TOML file, and its text; a mark of the byte order before it is no part of that.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no TOML in UTF-8, or none that can be meant; the text says why.
    """
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES // 2**20} MiB")
    text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise ValueError("a number too long, or lists in lists without end") from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)[0]
    except FileNotFoundError:
        raise SettingsError(
            f"{path}: there is no such settings file; give {', '.join(PRESETS)} or a TOML file"
        ) from None
    except OSError as error:
        raise SettingsError(f"{path}: the settings file cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"{path}: not a TOML file: {error}") from error


def _parse_override(override: str) -> dict[str, Any]:
    name, equals, text = override.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and section and key):
        raise SettingsError(
            f"{excerpt(override)}: an override reads section.key=value, for example sampling.step_ms=200"
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        value = text.strip()
    for part in reversed(key.split(".")):
        value = {part: value}
    return {section: value}


def _lay_over(chosen: dict[str, Any], origin: dict[str, str], found: Mapping[str, Any], source: str) -> None:
    known = {section.name: section for section in fields(Settings)}
    for section, table in found.items():
        if section not in known:
            raise SettingsError(f"{source}: there is no section [{excerpt(section)[1:-1]}]{nearest(section, known)}")
        if not isinstance(table, Mapping):
            raise SettingsError(f"{source}: {section} is a section; write [{section}] and its keys below it")
        stage = typing.get_type_hints(Settings)[section]
        keys = [key.name for key in fields(stage)]
        for key, value in table.items():
            if key not in keys:
                raise SettingsError(f"{source}: [{section}] has no key {excerpt(key)}{nearest(key, keys)}")
            kept = chosen.setdefault(section, {})
            before = kept.get(key)
            kept[key] = {**before, **value} if isinstance(before, Mapping) and isinstance(value, Mapping) else value
            origin[f"{section}.{key}"] = source


def nearest(word: str, known: Iterable[str]) -> str:
    """An offer of the known word that looks most like this one, to close a sentence with."""
    words = [str(word) for word in known]  # an enumeration would be shown as Role.WEAPONS
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(words)}"


def excerpt(value: object) -> str:
    """A value as it may stand in a sentence, cut where it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of more than 4300 digits, lists in lists
        return "something without end"
    return text if len(text) <= 80 else f"{text[:77]}..."


def _build(kind: type[Any], table: Mapping[str, Any], where: tuple[str, ...]) -> Any:
    hints = typing.get_type_hints(kind)
    values = {key: _convert(hints[key], value, (*where, key)) for key, value in table.items()}
    try:
        return kind(**values)
    except ValueError as error:
        raise SettingsError(f"[{'.'.join(where)}] {error}") from error


def _convert(hint: Any, value: Any, where: tuple[str, ...]) -> Any:
    """A TOML value as the type that the field declares."""
    if is_dataclass(hint):
        return _build(typing.cast("type[Any]", hint), value, where)
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, list):
        return tuple(_convert(typing.get_args(hint)[0], item, where) for item in value)
    if origin is not None and issubclass(origin, Mapping) and isinstance(value, Mapping):
        of_key, of_value = typing.get_args(hint)
        return types.MappingProxyType(
            {
                _convert(of_key, key, where): _convert(of_value, item, (*where, key))
                for key, item in sorted(value.items())
            }
        )
    if isinstance(hint, type) and issubclass(hint, StrEnum) and isinstance(value, str):
        try:
            return hint(value)
        except ValueError:
            raise SettingsError(f"{'.'.join(where)}: there is no {excerpt(value)}{nearest(value, hint)}") from None
    if isinstance(value, int) and abs(value) > MOST_WHOLE:
        raise SettingsError(
            f"{'.'.join(where)}: a number of {value.bit_length()} bits was given, beyond any that is meant"
        )
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        wanted = f"one of {', '.join(hint)}"
    else:
        wanted = {int: "a whole number", float: "a number", str: "text"}.get(
            hint, "a list" if origin is tuple else "a table"
        )
    raise SettingsError(f"{'.'.join(where)}: {excerpt(value)} was given, {wanted} is wanted")

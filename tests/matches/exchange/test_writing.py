"""Lists of hashes for others: what is written is read again as the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import prints
from triage.errors import UsageError
from triage.matches.bank import open_bank
from triage.matches.exchange.reading import parse_hashes
from triage.matches.exchange.writing import FORMATS, Held, format_for, held, of_fingerprint
from triage.matches.importing import Known
from triage.matches.signals import Feature, Kind, Signal, features_of, rows_of, vpdq_value
from triage.records import Fingerprint

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"


def digits(seed: int, count: int) -> str:
    return hashlib.sha512(str(seed).encode()).hexdigest()[:count]


SEEDS = st.integers(0, 40)
FEATURES = st.builds(Feature, SEEDS.map(lambda seed: digits(seed, 64)), st.integers(50, 100), st.integers(0, 10**8))
VIDEOS = st.lists(FEATURES, min_size=1, max_size=6).map(lambda found: Signal(Kind.VPDQ, vpdq_value(found)))
PICTURES = st.builds(Signal, st.just(Kind.PDQ), SEEDS.map(lambda seed: digits(seed, 64)), st.integers(50, 100))
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)


def exact(kind: Kind, count: int) -> st.SearchStrategy[tuple[Signal, ...]]:
    one = SEEDS.map(lambda seed: (Signal(kind, digits(seed, count)),))
    return st.just(()) | one


@st.composite
def clips(draw: st.DrawFn) -> Held:
    perceptual = draw(VIDEOS | PICTURES)
    rest = (*draw(exact(Kind.MD5, 32)), *draw(exact(Kind.SHA1, 40)), *draw(exact(Kind.SHA256, 64)))
    return Held(draw(NAMES), (perceptual, *rest))


BANKS = st.lists(clips(), max_size=5, unique_by=lambda clip: clip.name)


def read_again(name: str, entries: Sequence[Held]) -> Sequence[Known]:
    text = "".join(FORMATS[name](entries))
    kind = Kind(name) if name in {kind.value for kind in Kind} and name != "vpdq" else None
    result = parse_hashes(text.encode(), "list", kind)
    assert result.skipped == ()
    return result.found


@settings(max_examples=25)
@given(BANKS)
def test_a_table_is_read_again_as_the_same_clips(entries: list[Held]) -> None:
    found = {known.name: set(known.signals) for known in read_again("csv", entries)}
    assert found == {entry.name: set(entry.signals) for entry in entries}


@settings(max_examples=25)
@given(BANKS)
def test_signals_are_read_again_as_the_same_hashes(entries: list[Held]) -> None:
    found = {(signal.kind, signal.value) for known in read_again("signals", entries) for signal in known.signals}
    assert found == {(signal.kind, signal.value) for entry in entries for signal in entry.signals}


@pytest.mark.parametrize("kind", [Kind.MD5, Kind.SHA1, Kind.SHA256])
@settings(max_examples=15)
@given(entries=BANKS)
def test_hashes_of_files_are_read_again_as_the_same(entries: list[Held], kind: Kind) -> None:
    found = [signal.value for known in read_again(kind.value, entries) for signal in known.signals]
    assert len(found) == len(set(found))
    assert set(found) == {signal.value for entry in entries for signal in entry.signals if signal.kind is kind}


@settings(max_examples=25)
@given(BANKS)
def test_videos_are_read_again_with_times_to_the_millisecond(entries: list[Held]) -> None:
    videos = [signal.value for entry in entries for signal in entry.signals if signal.kind is Kind.VPDQ]
    if len(videos) == 1:  # a file with one video alone is its pictures
        [known] = read_again("vpdq", entries)
        assert known.signals[0].value == videos[0]
    else:
        assert [known.signals[0].value for known in read_again("vpdq", entries)] == videos


@settings(max_examples=25)
@given(BANKS)
def test_pictures_are_those_of_every_clip_once(entries: list[Held]) -> None:
    found = [known.signals[0].value for known in read_again("pdq", entries)]
    rows = [rows_of(entry.signals) for entry in entries]
    wanted = {bits.tobytes().hex() for each in rows if each is not None for bits in each.hashes}
    assert len(found) == len(set(found))
    assert set(found) == wanted


def test_a_video_without_times_is_written_only_where_it_can_be_read() -> None:
    untimed = Held("a", (Signal(Kind.VPDQ, vpdq_value([Feature(PDQ, 90, None)])),))
    assert [*FORMATS["vpdq"]([untimed]), *FORMATS["signals"]([untimed])] == []
    assert list(FORMATS["pdq"]([untimed])) == [f"{PDQ}\n"]
    assert read_again("csv", [untimed])[0].signals == untimed.signals


def test_a_hostile_name_stays_on_its_line_and_shows_what_it_hides() -> None:
    entry = Held('a\n\x1b[31m",\u202e', (Signal(Kind.PDQ, PDQ, 90),))
    [known] = read_again("csv", [entry])
    assert known.name == 'a\\n\\x1b[31m",\\u202e'


def fingerprint(name: str, qualities: Sequence[int], **more: int) -> Fingerprint:
    drawn = prints.fingerprint(name, prints.scene(1, len(qualities)), **more)  # type: ignore[arg-type]
    values = {field: getattr(drawn, field) for field in drawn.__dataclass_fields__}
    return Fingerprint(**{**values, "qualities": np.array(qualities, np.uint8)})


def test_a_clip_gives_its_pictures_of_some_quality_with_their_times() -> None:
    clip = fingerprint("clip", [100, 49, 50])
    [signal] = of_fingerprint(clip)
    features = features_of(signal.value)
    assert [(each.quality, each.time_ms) for each in features] == [(100, 0), (50, 800)]
    assert bytes.fromhex(features[0].hash) == clip.hashes[0].tobytes()
    assert of_fingerprint(fingerprint("blank", [0, 10])) == ()
    [still] = of_fingerprint(fingerprint("still", [80], length_ms=0))
    assert (still.kind, still.quality) == (Kind.PDQ, 80)


def test_a_bank_gives_enabled_entries_and_no_hash_that_says_too_little(tmp_path: Path) -> None:
    with open_bank(tmp_path / "bank", make=True) as bank:
        bank.add(fingerprint("clip", [100, 49]), "clip", md5=digits(1, 32))
        bank.add(fingerprint("off", [100]), "off")
        bank.disable("off", "why")
        rated = [Signal(Kind.PDQ, digits(number, 64), quality) for number, quality in enumerate((49, 50, None))]
        video = Signal(Kind.VPDQ, vpdq_value([Feature(PDQ, 49, 0), Feature(PDQ, 90, 1000)]))
        bank.take([Known(1, tuple(rated), "pictures"), Known(2, (video,), "video")], "list")
        found = {entry.name: entry.signals for entry in held(bank)}
    assert set(found) == {"clip", "pictures", "video"}
    assert [signal.kind for signal in found["clip"]] == [Kind.VPDQ, Kind.SHA256, Kind.MD5]
    assert found["pictures"] == tuple(rated[1:])
    assert features_of(found["video"][0].value) == (Feature(PDQ, 90, 1000),)


@pytest.mark.parametrize(
    ("name", "asked", "expected"),
    [
        ("a.json", None, "vpdq"),
        ("a.CSV", None, "csv"),
        ("a.md5", None, "md5"),
        ("a.txt", None, "signals"),
        ("a", "pdq", "pdq"),
    ],
)
def test_the_format_is_what_is_asked_for_or_what_the_ending_means(name: str, asked: str | None, expected: str) -> None:
    assert format_for(Path(name), asked) == expected


def test_a_format_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="--to vpdq, pdq, md5, sha1, sha256, signals, csv"):
        format_for(Path("a.mp4"), None)
    with pytest.raises(UsageError, match=r"there is no format 'vpqd'; did you mean .*vpdq"):
        format_for(Path("a.json"), "vpqd")

"""Lists of hashes from elsewhere: everything that can be understood is taken, and every line is accounted for."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.errors import UsageError
from triage.matches.exchange import reading
from triage.matches.exchange.gathering import Reading
from triage.matches.exchange.reading import parse_hashes, read_hashes
from triage.matches.signals import Feature, Kind, features_of

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
OTHER = "e64cc9d91c623882f8d1f1d9a398e78c9f199b3bd83924f2b7e11e0bf861b064"
MD5 = "cab08b36195edb1a1231d2d09fa450e0"
SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def is_accounted(result: Reading) -> bool:
    return sum(number for _, number in result.understood) + result.blank + len(result.skipped) == result.parts


def parsed(*lines: str, name: str = "list.txt", kind: Kind | None = None) -> Reading:
    result = parse_hashes("\n".join(lines).encode(), name, kind)
    assert is_accounted(result)
    return result


WORDS = st.one_of(
    st.sampled_from([PDQ, OTHER, MD5, SHA1, SHA256, PDQ[:63], "0" * 64, "٣" * 64]),
    st.sampled_from(["pdq", "vpdq", "md5", "hash", "quality", "name", "timestamp", "signal_type", "NEGATIVE_CLASS"]),
    st.sampled_from([f'["{PDQ},100,0.0"]', '["', "[[", "{", "}", "]", "\\", '"', "'", "#", "(", ") = ", "=cmd|x"]),
    st.sampled_from([",", ";", "\t", " ", "  ", " *", ":", "\r", "\x00", "\x85", "\u2028", "\ufeff"]),
    st.integers(-5, 10**25).map(str),
    st.floats().map(str),
    st.text(max_size=6),
)
LINES = st.lists(WORDS, max_size=9).map("".join)


@settings(max_examples=60)
@given(st.binary(max_size=400), st.sampled_from([None, *Kind]))
def test_no_bytes_do_more_than_be_refused(data: bytes, kind: Kind | None) -> None:
    try:
        result = parse_hashes(data, "list", kind)
    except UsageError:
        return
    assert is_accounted(result)


@settings(max_examples=60)
@given(st.lists(LINES, max_size=8), st.sampled_from([None, Kind.PDQ, Kind.SHA256, Kind.MD5]), st.booleans())
def test_every_line_is_understood_blank_or_named(lines: list[str], kind: Kind | None, ends: bool) -> None:
    data = ("\n".join(lines) + ("\n" if ends else "")).encode("utf-8", "surrogatepass")
    try:
        result = parse_hashes(data, "list", kind)
    except UsageError:
        return  # 64 digits of which nobody says what they are
    assert is_accounted(result)
    if result.part == "line":
        assert result.parts == data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    numbers = [skipped.line for skipped in result.skipped]
    assert len(set(numbers)) == len(numbers)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4) | st.just(f"{PDQ},100,0.5"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["pdq_hash", "hash", "quality", "timestamp", "0", "1"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=60)
@given(JSON)
def test_no_json_does_more_than_be_skipped(said: object) -> None:
    assert is_accounted(parse_hashes(json.dumps(said).encode(), "list.json"))


def test_json_of_the_threatexchange_tools_is_one_video() -> None:
    compact = json.dumps([f"{PDQ},100,0.0", f"{OTHER},90,1.23e+03"])
    pretty = json.dumps(json.loads(compact), indent=1)
    old = json.dumps(
        {"0": {"quality": 100, "hash": PDQ, "timestamp": 0.0}, "30": {"quality": 90, "hash": OTHER, "timestamp": 1230}}
    )
    objects = json.dumps(
        [
            {"pdq_hash": PDQ, "frame_number": 0, "quality": 100, "timestamp": 0},
            {"pdq_hash": OTHER, "frame_number": 30, "quality": 90, "timestamp": 1230.0},
        ]
    )
    for text in (compact, pretty, old, objects, "\ufeff" + compact, f"vpdq {compact}"):
        [known] = parsed(text, name="clip.json").found
        [signal] = known.signals
        assert features_of(signal.value) == (Feature(PDQ, 100, 0), Feature(OTHER, 90, 1_230_000))


def test_a_malformed_picture_in_json_is_named_and_the_others_are_kept() -> None:
    result = parsed(json.dumps([f"{PDQ},100,0.0", f"{PDQ},101,1.0", 7, {"hash": OTHER}, f"{OTHER},90,2.0"]))
    assert (result.part, [skipped.line for skipped in result.skipped]) == ("picture", [2, 3, 4])
    assert "101" in result.skipped[0].why
    assert len(features_of(result.found[0].signals[0].value)) == 2


def test_json_that_was_cut_off_is_named_and_not_taken_in_part() -> None:
    result = parsed(json.dumps([f"{PDQ},100,0.0", f"{OTHER},90,2.0"])[:-20])
    assert result.found == ()
    assert "no JSON" in result.skipped[0].why


def test_one_json_list_a_line_is_one_video_a_line() -> None:
    line = json.dumps([f"{PDQ},100,0.0"])
    result = parsed(line, "[oops", json.dumps([f"{OTHER},100,0.0"]))
    assert [known.line for known in result.found] == [1, 3]
    assert [skipped.line for skipped in result.skipped] == [2]


def test_lines_of_frames_are_one_video() -> None:
    result = parsed(f"0,100,{PDQ},0.000", f"1,120,{PDQ},0.033", f"2,90,{OTHER},0.067")
    [known] = result.found
    assert features_of(known.signals[0].value) == (Feature(PDQ, 100, 0), Feature(OTHER, 90, 67))
    assert [(skipped.line, "120" in skipped.why) for skipped in result.skipped] == [(2, True)]


def test_a_malformed_line_is_named_and_the_rest_is_imported() -> None:
    result = parsed("# theirs", f"pdq {PDQ}", "", f"pdq {PDQ[:-1]}", f"video_md5 {MD5}", "url http://example.org")
    assert [known.signals[0].kind for known in result.found] == [Kind.PDQ, Kind.MD5]
    assert (result.parts, result.blank) == (6, 2)
    assert [(skipped.line, skipped.why) for skipped in result.skipped] == [
        (4, f"'{PDQ[:37]}...' has 63 digits; a pdq hash has 64"),
        (6, "'url' is no kind of hash that is compared here"),
    ]


def test_rows_of_one_name_are_one_clip_and_must_not_contradict_each_other() -> None:
    result = parsed(
        "signal_type,signal_str,name",
        f"video_md5,{MD5},K-0013",
        f"pdq,{PDQ},K-0013",
        f"pdq,{OTHER},K-0014",
        f"video_md5,{MD5[::-1]},K-0013",
    )
    assert [(known.name, len(known.signals)) for known in result.found] == [("K-0013", 2), ("K-0014", 1)]
    assert [skipped.line for skipped in result.skipped] == [5]
    assert "another md5" in result.skipped[0].why


def test_rows_with_times_are_one_video_for_each_name() -> None:
    result = parsed(
        "name,pdq,quality,timestamp", f"a,{PDQ},90,1", f"b,{PDQ},90,0", f"a,{OTHER},90,0.5", f"a,{OTHER},90,x"
    )
    assert [known.name for known in result.found] == ["a", "b"]
    assert features_of(result.found[0].signals[0].value) == (Feature(OTHER, 90, 500), Feature(PDQ, 90, 1000))


def test_a_video_longer_than_the_csv_modules_own_limit_is_read() -> None:
    video = json.dumps([f"{PDQ},100,{second}.0" for second in range(4000)]).replace('"', '""')
    assert len(video) > csv.field_size_limit()
    before = csv.field_size_limit()
    [known] = parsed("signal_type,signal_str", f'vpdq,"{video}"').found
    assert len(features_of(known.signals[0].value)) == 4000
    assert csv.field_size_limit() == before


def test_64_digits_are_what_the_lists_name_or_its_user_says_and_else_it_is_asked_back() -> None:
    for name, kind, expected in (
        ("blocked.sha256", None, Kind.SHA256),
        ("PDQ_list.txt", None, Kind.PDQ),
        ("list.txt", Kind.PDQ, Kind.PDQ),
        ("list.sha256", Kind.PDQ, Kind.PDQ),
    ):
        [known] = parsed(SHA256, name=name, kind=kind).found
        assert known.signals[0].kind is expected
    with pytest.raises(UsageError, match=r"line 2: .*PDQ or SHA-256.* --as pdq or --as sha256"):
        parsed("# list", SHA256)


def test_text_in_another_encoding_is_named() -> None:
    with pytest.raises(UsageError, match="UTF-16"):
        parse_hashes(f"pdq {PDQ}".encode("utf-16"), "list")
    result = parse_hashes(b"\xff\xf0\n" + MD5.encode() + b"\r\n", "list")
    assert [skipped.line for skipped in result.skipped] == [1]
    assert result.found[0].signals[0].value == MD5


def test_what_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "list"
    path.write_text(f"{MD5}\n" * 4)
    monkeypatch.setattr(reading, "LONGEST_LINE", 31)
    assert [skipped.why for skipped in read_hashes(path).skipped] == ["is longer than 0 MB"] * 4
    monkeypatch.setattr(reading, "MOST_PARTS", 3)
    with pytest.raises(UsageError, match="more than 3 lines"):
        read_hashes(path)
    monkeypatch.setattr(reading, "MOST_BYTES", 100)
    with pytest.raises(UsageError, match="cut it into several lists"):
        read_hashes(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(UsageError, match="cannot be read"):
            read_hashes(path)


@pytest.mark.shared
def test_sample_hashes_of_vpdq_are_read_whole(shared: Path) -> None:
    lists = sorted((shared / "data/hash_vectors/threatexchange/vpdq/sample-hashes").glob("*.txt"))
    assert lists
    for path in lists:
        result = read_hashes(path)
        assert result.skipped == ()
        [known] = result.found
        features = features_of(known.signals[0].value)
        assert len(features) == result.parts == len(path.read_text().splitlines())
        assert [feature.time_ms for feature in features] == sorted(
            round(float(line.split(",")[3]) * 1000) for line in path.read_text().splitlines()
        )


def test_json_of_more_values_than_any_list_has_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_COMMAS", 10)
    assert parsed(json.dumps([f"{PDQ},100,0.5"] * 2)).parts == 2
    with pytest.raises(UsageError, match="more than 10 values; cut it"):
        parse_hashes(b"[" + b"[]," * 11 + b"[]]", "list.json")

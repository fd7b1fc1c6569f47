"""Each form in which other tools write a hash on a line."""

from __future__ import annotations

import pytest

from triage.matches.exchange.gathering import Said
from triage.matches.exchange.lines import UnclearError, file_stem, said_by
from triage.matches.signals import Feature, Kind, MalformedError, Signal

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
MD5 = "cab08b36195edb1a1231d2d09fa450e0"
SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
VIDEO = f'["{PDQ},100,0.000"]'

SIGNALS = {
    f"pdq {PDQ}": Signal(Kind.PDQ, PDQ),
    f"HASH_PDQ\t{PDQ.upper()}": Signal(Kind.PDQ, PDQ),
    f"pdq {PDQ} 'Sample Signals' POSITIVE_CLASS tag": Signal(Kind.PDQ, PDQ),
    f"video_md5 {MD5}": Signal(Kind.MD5, MD5),
    f"video_sha256 {SHA256}": Signal(Kind.SHA256, SHA256),
    f"sha1 {SHA1}": Signal(Kind.SHA1, SHA1),
    f"vpdq {VIDEO}": Signal(Kind.VPDQ, VIDEO),
    f"vpdq {VIDEO} 'Sample Signals' POSITIVE_CLASS": Signal(Kind.VPDQ, VIDEO),
    f'["{PDQ},100,0.0"]': Signal(Kind.VPDQ, VIDEO),
    MD5: Signal(Kind.MD5, MD5),
    f"  {SHA1.upper()}\t": Signal(Kind.SHA1, SHA1),
}


@pytest.mark.parametrize(("line", "signal"), SIGNALS.items(), ids=range(len(SIGNALS)))
def test_a_hash_is_read_as_it_is_written(line: str, signal: Signal) -> None:
    said = said_by(line, None)
    assert said is not None
    assert said.signals == (signal,)


FILES = {
    f"{MD5}  clip one.mp4": (Kind.MD5, "clip one"),
    f"{SHA1} *folder/clip.tar.gz": (Kind.SHA1, "clip.tar"),
    f"{SHA256}  C:\\dump\\a, b.mp4": (Kind.SHA256, "a, b"),
    f"\\{SHA256}  odd\\nname.mp4": (Kind.SHA256, "nname"),
    f"MD5 (x/y.mp4) = {MD5}": (Kind.MD5, "y"),
    f"SHA256 (.hidden) = {SHA256}": (Kind.SHA256, ".hidden"),
    f"{MD5},clip.mp4": (Kind.MD5, "clip"),
}


@pytest.mark.parametrize(("line", "expected"), FILES.items(), ids=range(len(FILES)))
def test_the_hash_of_a_file_brings_its_name_as_a_hint(line: str, expected: tuple[Kind, str]) -> None:
    said = said_by(line, None)
    assert said is not None
    [signal] = said.signals
    assert (signal.kind, said.hint) == expected


def test_pictures_of_a_video_are_read_in_both_orders() -> None:
    for line in (f"30,90,{PDQ},1.001", f"{PDQ},90,1.001"):
        said = said_by(line, None)
        assert said is not None
        assert said.feature == Feature(PDQ, 90, 1001)
    untimed = said_by(f"30,90,{PDQ}", None)
    assert untimed is not None
    assert untimed.feature == Feature(PDQ, 90, None)


def test_a_rated_hash_with_a_file_is_a_picture() -> None:
    said = said_by(f"{PDQ},90,some/picture.jpg", None)
    assert said == Said("pdq as hash,quality,name", (Signal(Kind.PDQ, PDQ, 90),), hint="picture")


def test_64_digits_alone_are_taken_for_nothing_until_it_is_said_what_they_are() -> None:
    with pytest.raises(UnclearError):
        said_by(SHA256, None)
    for kind in (Kind.PDQ, Kind.SHA256):
        said = said_by(SHA256, kind)
        assert said is not None
        assert said.signals == (Signal(kind, SHA256),)


@pytest.mark.parametrize("line", ["", "   ", "# a comment", "\t"])
def test_a_line_without_content_says_nothing(line: str) -> None:
    assert said_by(line, None) is None


BAD = [
    "hello",
    "url http://example.org",
    "pdq",
    f"pdq {MD5}",
    f"md5 {PDQ}",
    f"pdq {PDQ} 'them' NEGATIVE_CLASS",
    f"vpdq {VIDEO} 'them' NEGATIVE_CLASS",
    "vpdq",
    "vpdq []",
    'vpdq ["a,b,c"]',
    "vpdq " + "[" * 50_000,
    f"1,101,{PDQ},0.0",
    f"1,100,{PDQ},-1",
    f"1,100,{PDQ},0.0,more",
    f"1,100,{MD5},0.0",
    f"{PDQ},900,1.0",
    f"{PDQ},90,1.0.0",
    "abcdef0123456789,90,x",
    "0" * 33,
    f"MD5 (x) = {SHA1}",
    "pdq " + "0" * 64,
    "\x00" * 10,
]


@pytest.mark.parametrize("line", BAD, ids=range(len(BAD)))
def test_what_is_no_hash_is_malformed_and_not_taken_for_another(line: str) -> None:
    with pytest.raises(MalformedError):
        said_by(line, None)


@pytest.mark.parametrize(
    ("name", "stem"), [("a/b/c.mp4", "c"), ("c:\\b\\c.mp4", "c"), ("c", "c"), (".c", ".c"), ("a/", None), ("", None)]
)
def test_of_a_path_only_the_files_name_is_kept(name: str, stem: str | None) -> None:
    assert file_stem(name) == stem

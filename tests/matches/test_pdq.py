"""PDQ: bits in the order of the threatexchange tools, and distances."""

from __future__ import annotations

import csv
from pathlib import Path

import av
import cv2
import numpy as np
import pdqhash
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.matches.pictures import scene
from triage.matches import pdq

HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=5)


def packed(texts: list[bytes]) -> pdq.Hashes:
    return np.frombuffer(b"".join(texts), np.uint8).reshape(-1, 32)


@given(HASHES, HASHES)
def test_distances_count_the_bits_that_differ(left: list[bytes], right: list[bytes]) -> None:
    found = pdq.distances(packed(left), packed(right))
    assert found.shape == (len(left), len(right))
    for row, one in enumerate(left):
        for column, other in enumerate(right):
            both = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
            assert found[row, column] == both.bit_count()


@given(st.binary(min_size=32, max_size=32))
def test_a_hash_is_the_same_after_writing_and_reading_it(bits: bytes) -> None:
    text = pdq.hex_of(np.frombuffer(bits, np.uint8))
    assert text == bits.hex()
    assert pdq.of_hex(text).tobytes() == pdq.of_hex(text.upper()).tobytes() == bits


@pytest.mark.parametrize("text", ["", "ab", "g" * 64, "a" * 63, "a" * 65, " " + "a" * 63, "٣" * 64, "0x" + "a" * 62])
def test_what_is_no_hash_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        pdq.of_hex(text)


def test_a_picture_and_its_small_copy_have_nearly_the_same_hash_and_another_picture_has_not() -> None:
    image, other = scene(1), scene(2)
    small = cv2.resize(image, (320, 180), interpolation=cv2.INTER_AREA).astype(np.uint8)
    hashes = np.stack([pdq.compute(each)[0] for each in (image, small, other)])
    found = pdq.distances(hashes, hashes)
    assert found[0, 1] <= 20
    assert found[0, 2] >= 80


def test_hashing_does_not_change_the_picture() -> None:
    image = scene(3)
    image.flags.writeable = False
    before = image.copy()
    pdq.compute(image)
    assert np.array_equal(image, before)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 900), (3000, 2), (64, 64), (512, 512)])
def test_a_picture_of_any_size_has_a_hash_and_an_empty_one_no_quality(size: tuple[int, int]) -> None:
    bits, quality = pdq.compute(np.zeros((*size, 3), np.uint8))
    assert bits.shape == (32,)
    assert quality == 0


@pytest.mark.parametrize("size", [(768, 432), (480, 720), (640, 480), (513, 131), (64, 65), (40, 30), (1, 200)])
def test_it_is_the_hash_that_pdqhash_makes_of_the_whole_picture(size: tuple[int, int]) -> None:
    for seed in range(4):
        image = cv2.resize(scene(seed), size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        theirs, quality = pdqhash.compute(np.ascontiguousarray(image[..., ::-1]))
        ours, own_quality = pdq.compute(image)
        if quality >= 50:
            assert int(pdq.distances(ours[None], np.packbits(theirs.astype(np.uint8))[None])[0, 0]) <= 4
        assert abs(own_quality - quality) <= 2


@pytest.mark.shared
def test_published_hashes_of_pictures_are_met(shared: Path) -> None:
    """Far within the 31 bits of a match; theirs were made at smaller sizes, in several ways."""
    folder = shared / "data" / "hash_vectors" / "threatexchange"
    apart = []
    with (folder / "expected_pdq.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            image = cv2.imread(str(folder / row["path"]))
            assert image is not None
            bits, quality = pdq.compute(image.astype(np.uint8))
            apart.append(int(pdq.distances(bits[None], pdq.of_hex(row["expected_pdq"])[None])[0, 0]))
            assert quality == int(row["quality"])
    assert len(apart) == 20
    assert max(apart) <= 14


@pytest.mark.shared
@pytest.mark.parametrize(
    "name",
    [
        *("chair-orig-22-sd-bar", "doorknob-hd-no-bar", "pattern-hd-no-bar", "pattern-sd-grey-bar"),
        *("pattern-sd-with-small-logo-bar", "test-padded-dimensions"),
    ],
)
def test_published_hashes_of_video_frames_are_met(shared: Path, name: str) -> None:
    """They are of frames at their own size, as ours are; what is left is another version of FFmpeg."""
    folder = shared / "data" / "hash_vectors" / "threatexchange"
    lines = (folder / "vpdq" / "sample-hashes" / f"{name}.txt").read_text().splitlines()[:10]
    with av.open(str(folder / "tmk" / "sample-videos" / f"{name}.mp4")) as clip:
        pictures = [frame.to_ndarray(format="bgr24") for frame, _ in zip(clip.decode(video=0), lines, strict=False)]
    assert len(pictures) == len(lines) == 10
    for picture, line in zip(pictures, lines, strict=True):
        bits, quality = pdq.compute(picture.astype(np.uint8))
        _, wanted_quality, wanted, _ = line.split(",")
        assert int(pdq.distances(bits[None], pdq.of_hex(wanted)[None])[0, 0]) <= 8
        assert abs(quality - int(wanted_quality)) <= 2

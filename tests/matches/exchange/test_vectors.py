"""Our hashes beside those that the makers of PDQ and vPDQ publish for their own pictures and clips."""

from __future__ import annotations

import csv
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from triage.matches import pdq
from triage.matches.exchange.reading import read_hashes
from triage.matches.signals import LEAST_QUALITY, features_of

MOST_BITS = 16
"""Of 256. Decoders and ways of shrinking differ between libraries: 0 to 12 bits were measured, and up to 31 count as
the same picture."""


@pytest.mark.shared
def test_pictures_have_the_published_hashes_but_for_a_few_bits(shared: Path) -> None:
    folder = shared / "data/hash_vectors/threatexchange"
    with (folder / "expected_pdq.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            image = cv2.imread(str(folder / row["path"]))
            assert image is not None, row["path"]
            packed, _ = pdq.compute(image.astype(np.uint8, copy=False))
            [[bits]] = pdq.distances(packed[None], pdq.of_hex(row["expected_pdq"])[None]).tolist()
            assert bits <= MOST_BITS, row["path"]


@pytest.mark.shared
@pytest.mark.parametrize("name", ["chair-orig-22-sd-bar", "doorknob-hd-no-bar", "pattern-sd-grey-bar"])
def test_pictures_of_a_clip_have_the_published_hashes_but_for_a_few_bits(shared: Path, name: str) -> None:
    folder = shared / "data/hash_vectors/threatexchange"
    features = features_of(read_hashes(folder / f"vpdq/sample-hashes/{name}.txt").found[0].signals[0].value)
    apart = []
    with av.open(str(folder / f"tmk/sample-videos/{name}.mp4")) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % 30 == 0 and features[number].quality >= LEAST_QUALITY:
                packed, _ = pdq.compute(frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False))
                apart.append(int(pdq.distances(packed[None], pdq.of_hex(features[number].hash)[None])[0, 0]))
            if number >= 150:
                break
    assert apart
    assert max(apart) <= MOST_BITS

"""Trying our readers: the whole inputs are read, and what fails is told and kept."""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

import fuzz_parsers
import pytest
from fuzz_targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_reads_what_it_begins_from(name: str) -> None:
    assert TARGETS[name].seeds()
    TARGETS[name].read(TARGETS[name].seeds()[0])


def test_the_same_chance_makes_the_same_inputs() -> None:
    made = [fuzz_parsers.changed([b"one whole input", b"another"], random.Random(number)) for number in range(50)]
    assert made == [
        fuzz_parsers.changed([b"one whole input", b"another"], random.Random(number)) for number in range(50)
    ]
    assert len(set(made)) > 40


def test_an_input_that_takes_too_long_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 11.0])
    monkeypatch.setattr(time, "process_time", lambda: next(clock))
    with pytest.raises(AssertionError, match=r"it took 11\.0 s"):
        fuzz_parsers._timed(lambda _: None)(b"")


def test_what_a_process_was_at_when_it_ended_is_kept(tmp_path: Path) -> None:
    asked = argparse.Namespace(keep=tmp_path / "kept")
    assert fuzz_parsers._rescued("rows", asked, str(tmp_path)) == "no input was kept"
    (tmp_path / "now").write_bytes(b"bad")
    assert Path(fuzz_parsers._rescued("rows", asked, str(tmp_path))).read_bytes() == b"bad"

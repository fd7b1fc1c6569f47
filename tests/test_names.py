from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.names import HIDDEN, shown


@pytest.mark.parametrize(
    "name", ["clip.mp4", "Запис 12 — копія.mp4", 'it\'s "quoted" & spaced.mkv', "-rf.avi", "视频.mov", "🎥.gif", "é"]
)
def test_a_name_that_can_be_read_is_shown_as_it_is(name: str) -> None:
    assert shown(name) == name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("\x1b[2Jclip.mp4", r"\x1b[2Jclip.mp4"),
        ("two\nlines.mp4", r"two\nlines.mp4"),
        ("gpj.\u202e4pm", r"gpj.\u202e4pm"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("line\u2028end", r"line\u2028end"),
        ("del\x7f", r"del\x7f"),
        ("c1\x9b31m", r"c1\x9b31m"),
    ],
)
def test_a_character_that_hides_or_commands_is_shown_as_its_escape(name: str, said: str) -> None:
    assert shown(name) == said


def test_a_name_whose_bytes_are_no_text_is_shown() -> None:
    assert shown(Path(os.fsdecode(b"\xff\xfe.mp4"))) == r"\udcff\udcfe.mp4"


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_nothing_that_is_shown_hides_or_commands_and_all_can_be_printed(name: str) -> None:
    said = shown(name)
    assert not {unicodedata.category(character) for character in said} & HIDDEN
    said.encode("utf-8")

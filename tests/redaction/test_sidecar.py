from __future__ import annotations

import json
from pathlib import Path

import pytest

from triage.records import Covered, Style
from triage.redaction.sidecar import KIND, found_words, load_sidecar, residual_risk


def test_the_risk_that_is_left_is_always_said() -> None:
    plain = residual_risk(Style.SOLID, (), "muted")
    assert "miss things" in plain
    assert plain.endswith("Whoever passes it on should watch it first.")
    assert "comfort" not in plain
    assert "sound" not in plain


def test_what_makes_a_copy_less_safe_is_said_beside_it() -> None:
    assert "Drawing is for comfort" in residual_risk(Style.DRAWING, (), "muted")
    assert "On demand it shows minor_faces, unseen" in residual_risk(
        Style.SOLID, (Covered.MINOR_FACES, Covered.UNSEEN), "none"
    )
    assert "Its sound (voices masked) was not searched" in residual_risk(Style.SOLID, (), "voices masked")


def test_a_search_without_a_look_is_not_called_one() -> None:
    assert found_words(1, 20) == "20 pictures of the written copy searched, 1 leak"
    assert found_words(0, 0) == "no picture of the written copy needed a search, all are covered whole"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"kind": 1}',
        json.dumps({"kind": KIND + 1, "original": {"sha256": "a"}, "copy": {"sha256": "b"}}),
    ],
)
def test_what_is_no_sidecar_of_ours_is_not_taken_for_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    assert load_sidecar(tmp_path / "a.json") is None
    assert load_sidecar(tmp_path / "none.json") is None

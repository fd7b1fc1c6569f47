from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from triage.geometry import Box
from triage.records import Cover, Covered, Provenance, ReviewCopy, Style
from triage.redaction.sidecar import KIND, Facts, found_words, load_sidecar, residual_risk, sidecar


def written(*covers: Cover) -> bytes:
    """A sidecar of a copy with these covers."""
    copy = ReviewCopy("a" * 64, Path("/place/clip.review.mp4"), "b" * 64, covers, Style.SOLID, ("searched", "the risk"))
    facts = Facts(
        name="clip.mp4",
        pictures=50,
        width_px=192,
        height_px=128,
        duration_ms=2000,
        shift_ms=0,
        asked=(Covered.FACES,),
        revealed=(),
        why_revealed="",
        audio="mute",
        sound="muted",
        has_mark=True,
        remarks=("it has “quotes”",),
        mended=(),
        covered_whole=(),
        examined=Provenance("1.0", "a.b", {}, {}, ()),
        searched_by={},
    )
    return sidecar(copy, facts)


def cover(number: int) -> Cover:
    box = None if number % 3 == 0 else Box(number, 1, number + 10, 20)
    return Cover(number, number + 40, box, Covered.FACES, f"“face” number {number}")


@pytest.mark.parametrize("number", [0, 1, 7])
def test_a_sidecar_lists_every_cover(tmp_path: Path, number: int) -> None:
    (tmp_path / "a.json").write_bytes(written(*map(cover, range(number))))
    row = load_sidecar(tmp_path / "a.json")
    assert row is not None
    assert row["remarks"] == ["it has “quotes”"]
    assert [one["start_ms"] for one in row["covers"]] == list(range(number))
    for index, one in enumerate(row["covers"]):
        box = cover(index).box
        assert one["box_xyxy"] == (None if box is None else list(box.xyxy))
        assert (one["end_ms"], one["what"], one["why"]) == (index + 40, "faces", f"“face” number {index}")


def test_the_sidecar_of_a_long_copy_takes_little_more_memory_than_its_length() -> None:
    covers = [cover(number) for number in range(5000)]
    tracemalloc.start()
    length = len(written(*covers))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * length


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

"""Fingerprints and overlaps of a case."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import prints
from tests.case.older import turn_back
from tests.examples import PROVENANCE, report, video_id
from triage.case.copies import Known
from triage.case.store import Case, open_case
from triage.errors import MatchIndexError
from triage.original import Stamp
from triage.records import Overlap, Sealed, Segment

A, B = (prints.video_id(name) for name in "ab")


def overlap(query: str = A, stored: str = B, share: float = 0.5) -> Overlap:
    segment = Segment(0, 2000, 1000, 3000, speed=1.0, mirrored=True, similarity=0.75)
    return Overlap(query, stored, (segment,), share, 1.0, ("mirrored",))


def test_an_overlap_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        case.copies.keep([Known(overlap(), "bank-1", "K-1")], [A], "mark", "bank-1")
        assert case.copies.of(A) == [Known(overlap(), "bank-1", "K-1")]
        assert case.copies.of(B) == []
        assert case.copies.marks("bank-1") == {A: "mark"}
        assert case.copies.marks() == {}, "compared with the bank is not compared with the others of the case"


def test_clips_of_a_bank_come_before_other_videos_and_the_larger_part_first(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        case.copies.keep([Known(overlap(share=0.9))], [A], "mark")
        kept = [Known(overlap(share=0.2), "bank", "small"), Known(overlap(share=0.4), "bank", "large")]
        case.copies.keep(kept, [A], "mark", "bank")
        assert [one.entry for one in case.copies.of(A)] == ["large", "small", ""]


def test_a_row_names_the_bank_the_clip_and_the_other_video(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        case.note_file(Path("/dump/clip.mp4"), Stamp(1, 1, 1), video_id())
        case.save(report())
        case.copies.note_bank("bank-1", "known clips")
        found = [Known(overlap(video_id()), "bank-1", "K-1"), Known(overlap(video_id()))]
        case.copies.keep(found[:1], [video_id()], "mark", "bank-1")
        case.copies.keep(found[1:], [video_id()], "mark")
        [row] = case.rows()
    first, second = row["overlaps"]
    assert (first["bank"], first["bank_entry"]) == ("known clips", "K-1")
    assert second["video"] == B
    assert "bank" not in second
    wanted = ["query_start_ms", "query_end_ms", "stored_start_ms", "stored_end_ms", "speed", "mirrored", "similarity"]
    assert list(second["segments"][0]) == wanted
    assert (second["query_share"], second["stored_share"], second["edits"]) == (0.5, 1.0, ["mirrored"])


def test_another_bank_of_the_same_name_is_refused(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        case.copies.note_bank("bank-1", "known")
        case.copies.note_bank("bank-1", "known")
        with pytest.raises(MatchIndexError, match=r"another bank of that name .* rename"):
            case.copies.note_bank("bank-2", "known")


def test_a_fingerprint_is_kept_for_each_model(tmp_path: Path) -> None:
    fingerprint = prints.fingerprint("a", prints.scene(1, 5))
    with open_case(tmp_path, make=True) as case:
        case.save_fingerprint(fingerprint)
        assert case.copies.has(A, prints.MODEL)
        assert not case.copies.has(A, "other@11111111")
        read = case.copies.load(A, prints.MODEL)
        assert read is not None
        assert len(read) == 5
        assert case.copies.load(B, prints.MODEL) is None


def test_a_new_fingerprint_forgets_what_the_old_one_showed(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        case.copies.keep([Known(overlap()), Known(overlap(B, A))], [A, B], "mark")
        case.save_fingerprint(prints.fingerprint("a", prints.scene(1, 5)))
        assert case.copies.of(A) == case.copies.of(B) == []
        assert case.copies.marks() == {B: "mark"}


def test_nothing_of_a_sealed_content_is_kept_or_can_be_added(tmp_path: Path) -> None:
    fingerprint = prints.fingerprint("a", prints.scene(1, 5))
    with open_case(tmp_path, make=True) as case:
        case.save_fingerprint(fingerprint)
        case.copies.keep([Known(overlap()), Known(overlap(B, A))], [A, B], "mark")
        case.copies.keep([Known(overlap(), "bank", "K-1")], [A], "mark", "bank")
        (case.folder / "index").mkdir()
        (case.folder / "index" / "vectors").write_bytes(b"of all videos together")
        case.save(Sealed(A, 0, "sealed by a test", PROVENANCE))
        assert case.copies.of(A) == case.copies.of(B) == []
        assert A not in case.copies.marks()
        assert not [file for file in case.folder.rglob("*.npz") if A in file.name]
        assert not (case.folder / "index").exists(), "its vectors were in there"
        with pytest.raises(ValueError, match="is sealed"):
            case.save_fingerprint(fingerprint)
        assert not case.copies.has(A, prints.MODEL)


def as_before_there_were_copies(folder: Path) -> None:
    with open_case(folder, make=True) as case:
        put(case)
    turn_back(folder, 1)


def put(case: Case) -> None:
    case.note_file(Path("/dump/clip.mp4"), Stamp(1, 1, 1), video_id())
    case.save(report())


def test_an_older_case_can_be_read_and_gets_its_tables_when_it_is_written(tmp_path: Path) -> None:
    as_before_there_were_copies(tmp_path)
    with open_case(tmp_path) as case:
        [row] = case.rows()
        assert row["overlaps"] == []
    with open_case(tmp_path, make=True) as case:
        case.copies.keep([Known(overlap(video_id()))], [video_id()], "mark")
        [row] = case.rows()
        assert len(row["overlaps"]) == 1


def test_a_clip_that_floods_is_listed_and_marked(tmp_path: Path) -> None:
    with open_case(tmp_path, make=True) as case:
        case.copies.keep([Known(overlap(), "bank", "logo"), Known(overlap(), "bank", "K-1")], [A], "mark", "bank")
        case.copies.park("bank", ["logo"])
        assert {one.entry: one.is_parked for one in case.copies.of(A)} == {"logo": True, "K-1": False}
        case.copies.park("bank", [])
        assert not any(one.is_parked for one in case.copies.of(A))

"""Matching a case with itself and with banks, on fingerprints of made-up videos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from tests import prints
from tests.examples import PROVENANCE, report
from triage.case.store import Case, open_case
from triage.errors import MatchIndexError
from triage.matches.bank import Bank, open_bank
from triage.matches.clusters import clusters_row
from triage.matches.compare import compare
from triage.original import Stamp
from triage.records import Fingerprint, Sealed, Vectors
from triage.run.finding import find_in_bank, find_in_case
from triage.run.grouping import group
from triage.run.matching import Matched, Prints, inverted, match_bank, match_within
from triage.settings import Matching, Settings

SETTINGS = Settings()
KNOWN = prints.scene(1, 30)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with open_case(tmp_path / "case", make=True) as opened:
        yield opened


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    with open_bank(tmp_path / "bank", make=True) as opened:
        yield opened


def put(case: Case, name: str, vectors: Vectors, **more: object) -> Fingerprint:
    """A video of the case that shows these pictures."""
    fingerprint = prints.fingerprint(name, vectors, **more)  # type: ignore[arg-type]
    case.note_file(Path(f"/dump/{name}.mp4"), Stamp(1, 1, 1), fingerprint.video)
    case.save(report(name))
    case.save_fingerprint(fingerprint)
    return fingerprint


def add(bank: Bank, name: str, vectors: Vectors) -> None:
    bank.add(prints.fingerprint(f"clip {name}", vectors), name, "", "")


def with_footage_around(vectors: Vectors, seed: int) -> Vectors:
    return np.concatenate([prints.scene(seed, 40), vectors, prints.scene(seed + 1, 40)])


def others(case: Case, name: str) -> set[str]:
    return {one.overlap.stored for one in case.copies.of(prints.video_id(name))}


def test_copies_within_a_case_are_known_from_both_sides_and_strangers_from_none(case: Case) -> None:
    for name, vectors in (("one", KNOWN), ("longer", with_footage_around(KNOWN, 50)), ("other", prints.scene(9, 30))):
        put(case, name, vectors)
    match_within(case, prints.MODEL, SETTINGS)
    assert others(case, "one") == {prints.video_id("longer")}
    assert others(case, "longer") == {prints.video_id("one")}
    assert others(case, "other") == set()
    [known] = case.copies.of(prints.video_id("longer"))
    [segment] = known.overlap.segments
    assert abs(segment.query_start_ms - 40 * prints.STEP_MS) <= prints.STEP_MS
    assert known.overlap.stored_share > 0.9
    assert known.overlap.query_share < 0.35


def test_what_is_new_is_compared_with_everything_and_what_was_compared_is_not_again(case: Case) -> None:
    put(case, "one", KNOWN)
    assert match_within(case, prints.MODEL, SETTINGS).compared == 1
    assert match_within(case, prints.MODEL, SETTINGS).compared == 0
    put(case, "again", KNOWN)
    assert match_within(case, prints.MODEL, SETTINGS).compared == 1
    assert others(case, "one") == {prints.video_id("again")}


def test_a_new_original_is_found_in_an_earlier_video_that_shows_it_in_a_corner(case: Case) -> None:
    collage = prints.scene(20, 30)
    collage[:, 2] = KNOWN[:, 0]  # its top left quarter
    put(case, "collage", collage)
    match_within(case, prints.MODEL, SETTINGS)
    put(case, "original", KNOWN)
    match_within(case, prints.MODEL, SETTINGS)
    assert others(case, "original") == {prints.video_id("collage")}


def test_fingerprints_are_read_again_where_they_do_not_fit_into_memory_and_only_there(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [put(case, f"clip {number}", prints.scene(number, 30)) for number in range(3)]
    monkeypatch.setattr("triage.run.matching.KEPT_BYTES", 2 * made[0].vectors.nbytes)
    kept = Prints(case, prints.MODEL, Matching(), Matched())
    first, second, third = (one.video for one in made)
    with patch.object(case.copies, "load", wraps=case.copies.load) as load:
        for video in (first, second, first, third, first, second):
            assert kept(video) is not None
    assert [call.args[0] for call in load.call_args_list] == [first, second, third, second]


def alike_in_one_picture(seed: int) -> Vectors:
    """A video that has a picture like all others of its kind, and else nothing of them."""
    vectors = prints.scene(seed, 30)
    vectors[10] = prints.unit(prints.scene(0, 1) + 0.3 * prints.scene(seed + 100, 1))[0]
    return vectors


def test_what_looks_a_little_like_everything_is_compared_with_the_most_alike_and_that_is_said(case: Case) -> None:
    few = Settings(matching=Matching(fruitless=3))
    for number in range(12):
        put(case, f"of a kind {number}", alike_in_one_picture(200 + number))
    with patch("triage.run.matching.compare", wraps=compare) as compared:
        matched = match_within(case, prints.MODEL, few)
    assert 0 < compared.call_count <= 12 * 3
    [remark] = matched.remarks
    assert "videos look a little like more others than were compared: of each" in remark
    assert "3 in a row" in remark
    with patch("triage.run.matching.compare", wraps=compare) as compared:
        assert match_within(case, prints.MODEL, SETTINGS).remarks == []
    assert compared.call_count == 12 * 11 / 2


def test_a_copy_that_looks_a_little_like_everything_too_is_found_before_comparing_ends(case: Case) -> None:
    few = Settings(matching=Matching(fruitless=1))
    for number in range(12):
        put(case, f"of a kind {number}", alike_in_one_picture(200 + number))
    put(case, "original", alike_in_one_picture(300))
    for number in range(3):
        put(case, f"copy {number}", alike_in_one_picture(300)[number : 30 - number])
    match_within(case, prints.MODEL, few)
    assert others(case, "original") == {prints.video_id(f"copy {number}") for number in range(3)}


def test_a_copy_that_another_one_found_before_is_no_sign_that_nothing_comes(case: Case) -> None:
    names = [f"copy {number}" for number in range(5)]
    for name in names:
        put(case, name, KNOWN)
    assert match_within(case, prints.MODEL, Settings(matching=Matching(fruitless=1))).remarks == []
    for name in names:
        assert others(case, name) == {prints.video_id(other) for other in names if other != name}


def test_other_settings_or_another_model_compare_everything_anew(case: Case) -> None:
    put(case, "one", KNOWN)
    put(case, "again", prints.unit(KNOWN + 0.12 * np.random.default_rng(5).normal(size=KNOWN.shape)))
    match_within(case, prints.MODEL, SETTINGS)
    assert others(case, "one") == {prints.video_id("again")}
    stricter = Settings(matching=Matching(least_similarity=0.99))
    assert match_within(case, prints.MODEL, stricter).compared == 2
    assert others(case, "one") == set(), "found under the old settings alone"


def test_a_damaged_fingerprint_is_named_and_the_others_are_compared(case: Case, tmp_path: Path) -> None:
    put(case, "one", KNOWN)
    put(case, "again", KNOWN)
    put(case, "torn", KNOWN)
    [file] = (tmp_path / "case/fingerprints").rglob(f"{prints.video_id('torn')}*")
    file.write_bytes(file.read_bytes()[:100])
    matched = match_within(case, prints.MODEL, SETTINGS)
    assert len(set(matched.remarks)) == 1
    assert "this fingerprint is damaged" in matched.remarks[0]
    assert others(case, "one") == {prints.video_id("again")}


def test_a_damaged_index_is_made_anew(case: Case) -> None:
    put(case, "one", KNOWN)
    match_within(case, prints.MODEL, SETTINGS)
    for file in case.copies.index_folder.iterdir():
        file.write_bytes(b"something else")
    put(case, "again", KNOWN)
    match_within(case, prints.MODEL, SETTINGS)
    assert others(case, "again") == {prints.video_id("one")}


SMALL = Settings(matching=Matching(shard_vectors=60))
"""Two of the videos that ``put`` makes of 30 pictures each fill a part of the index."""


def in_parts(case: Case) -> dict[Path, bytes]:
    """Files of an index of a case with five videos, in three parts."""
    for number in range(5):
        put(case, f"{number}", KNOWN if number in {0, 4} else prints.scene(20 + number, 30))
    match_within(case, prints.MODEL, SMALL)
    files = {path: path.read_bytes() for path in case.copies.index_folder.rglob("*") if path.is_file()}
    assert len({path.parent for path in files}) == 3
    return files


def test_a_case_with_more_pictures_than_a_part_holds_has_several_and_finds_the_same(case: Case) -> None:
    in_parts(case)
    assert others(case, "0") == {prints.video_id("4")}
    put(case, "new", KNOWN)
    assert match_within(case, prints.MODEL, SMALL).remarks == []
    assert others(case, "new") == {prints.video_id("0"), prints.video_id("4")}


def test_a_damaged_part_of_the_index_is_made_anew_and_said_and_the_others_stay(case: Case) -> None:
    files = in_parts(case)
    [damaged] = [path for path in files if path.parent.name == "shard-1" and path.name.startswith("vectors")]
    damaged.write_bytes(b"something else")
    put(case, "new", KNOWN)
    [remark] = match_within(case, prints.MODEL, SMALL).remarks
    assert remark.startswith("made anew from fingerprints: ")
    assert "the index is damaged" in remark
    assert "--rebuild" not in remark, "it was done"
    assert others(case, "new") == {prints.video_id("0"), prints.video_id("4")}
    kept = [path for path in files if path.parent == case.copies.index_folder]
    assert [path.read_bytes() for path in kept] == [files[path] for path in kept]


def part_of(case: Case, name: str) -> Path:
    """Folder of the part of the index that a video is in."""
    heads = case.copies.index_folder.rglob("index.json")
    [folder] = [head.parent for head in heads if prints.video_id(name) in head.read_text()]
    return folder


@pytest.mark.parametrize("name", ["0", "1", "2", "3"])
def test_what_is_sealed_takes_its_part_of_the_index_with_it_and_no_other(case: Case, name: str) -> None:
    files = in_parts(case)
    own = part_of(case, name)
    case.save(Sealed(prints.video_id(name), 0, "sealed by a test", PROVENANCE))
    left = {path: path.read_bytes() for path in case.copies.index_folder.rglob("*") if path.is_file()}
    assert left == {path: data for path, data in files.items() if path.parent != own}
    put(case, "new", KNOWN if name == "0" else prints.scene(20 + int(name), 30))
    match_within(case, prints.MODEL, SMALL)
    assert others(case, "new") == ({prints.video_id("4")} if name == "0" else set())
    everything = b"".join(path.read_bytes() for path in case.copies.index_folder.rglob("*") if path.is_file())
    assert prints.video_id(name).encode() not in everything
    assert all(prints.video_id(each).encode() in everything for each in "01234" if each != name)


@pytest.mark.parametrize("text", [None, "", "[]", '{"head": {}}'])
def test_a_part_that_does_not_say_what_it_holds_goes_with_whatever_is_sealed(case: Case, text: str | None) -> None:
    in_parts(case)
    unknown = case.copies.index_folder / "shard-2"
    (unknown / "index.json").unlink()
    if text is not None:
        (unknown / "index.json").write_text(text)
    put(case, "never indexed", KNOWN)
    case.save(Sealed(prints.video_id("never indexed"), 0, "sealed by a test", PROVENANCE))
    assert not unknown.exists()
    assert (case.copies.index_folder / "shard-1" / "index.json").exists()
    assert (case.copies.index_folder / "index.json").exists()


def test_the_index_that_is_kept_holds_nothing_of_what_went(case: Case) -> None:
    put(case, "one", KNOWN)
    put(case, "again", KNOWN)
    match_within(case, prints.MODEL, SETTINGS)
    case.save(Sealed(prints.video_id("one"), 0, "sealed by a test", PROVENANCE))
    put(case, "third", KNOWN)
    match_within(case, prints.MODEL, SETTINGS)
    assert others(case, "third") == {prints.video_id("again")}
    assert prints.video_id("one") not in str(list(case.rows()))[300:] or case.is_sealed(prints.video_id("one"))
    found, _ = find_in_case(prints.fingerprint("asked", KNOWN), case, SETTINGS.matching, 10)
    assert prints.video_id("one") not in {one.name for one in found}


def test_a_clip_of_a_bank_is_found_with_its_name_and_share(case: Case, bank: Bank) -> None:
    put(case, "upload", with_footage_around(KNOWN, 60))
    put(case, "stranger", prints.scene(9, 30))
    add(bank, "K-0013", KNOWN)
    matched = match_bank(case, bank, prints.MODEL, SETTINGS)
    assert [(one.entry, one.overlap.query) for one in matched.found] == [("K-0013", prints.video_id("upload"))]
    assert bank.cases() == [case.folder.resolve()]
    assert match_bank(case, bank, prints.MODEL, SETTINGS).found == [], "it is not news twice"


def test_a_clip_that_is_added_later_is_looked_up_in_what_was_scanned_before(case: Case, bank: Bank) -> None:
    put(case, "upload", with_footage_around(KNOWN, 60))
    add(bank, "first", prints.scene(70, 30))
    assert match_bank(case, bank, prints.MODEL, SETTINGS).found == []
    add(bank, "second", KNOWN)
    assert [one.entry for one in match_bank(case, bank, prints.MODEL, SETTINGS).found] == ["second"]


def test_a_clip_of_which_only_hashes_were_known_is_looked_up_anew_with_vectors(case: Case, bank: Bank) -> None:
    clip = prints.fingerprint("clip", KNOWN)
    turned = KNOWN.copy()
    turned[:, :2] = KNOWN[:, 1::-1]  # seen in a mirror, which a hash does not survive
    put(case, "upload", turned)
    bank.add(prints.fingerprint("clip", KNOWN, model="old@11111111"), "K-1", "", "")
    assert match_bank(case, bank, prints.MODEL, SETTINGS).found == []
    bank.add(clip, "K-1", "", "")
    [found] = match_bank(case, bank, prints.MODEL, SETTINGS).found
    assert all(segment.mirrored for segment in found.overlap.segments)


def test_a_disabled_clip_is_no_longer_known_and_comes_back_when_enabled(case: Case, bank: Bank) -> None:
    put(case, "upload", KNOWN)
    add(bank, "K-1", KNOWN)
    match_bank(case, bank, prints.MODEL, SETTINGS)
    bank.disable("K-1", "it is a trailer")
    matched = match_bank(case, bank, prints.MODEL, SETTINGS)
    assert [one.entry for one in matched.gone] == ["K-1"]
    assert case.copies.of(prints.video_id("upload")) == []
    bank.enable("K-1", "it is not")
    assert [one.entry for one in match_bank(case, bank, prints.MODEL, SETTINGS).found] == ["K-1"]


def test_a_clip_found_in_too_many_videos_is_parked_until_they_are_fewer(case: Case, bank: Bank) -> None:
    settings = Settings(matching=Matching(flood_share=0.5, flood_least=3))
    for place in range(3):
        put(case, f"with {place}", with_footage_around(KNOWN, 100 + 2 * place))
    put(case, "without", prints.scene(9, 30))
    add(bank, "logo", KNOWN)
    assert match_bank(case, bank, prints.MODEL, settings).parked == ("logo",)
    assert all(one.is_parked for one in case.copies.in_bank(bank.id))
    for place in range(3):
        put(case, f"more {place}", prints.scene(200 + place, 30))
    assert match_bank(case, bank, prints.MODEL, settings).parked == ()
    assert not any(one.is_parked for one in case.copies.in_bank(bank.id))


def test_clips_by_another_model_are_named_as_not_compared(case: Case, bank: Bank) -> None:
    put(case, "upload", KNOWN)
    bank.add(prints.fingerprint("old", KNOWN, model="old@11111111"), "old clip", "", "")
    assert match_bank(case, bank, prints.MODEL, SETTINGS).missing == ("old clip",)


def test_two_banks_of_one_name_are_refused(case: Case, bank: Bank, tmp_path: Path) -> None:
    match_bank(case, bank, prints.MODEL, SETTINGS)
    with (
        open_bank(tmp_path / "elsewhere/bank", make=True) as other,
        pytest.raises(MatchIndexError, match="another bank of that name"),
    ):
        match_bank(case, other, prints.MODEL, SETTINGS)


def test_the_same_bytes_are_the_whole_clip(case: Case, bank: Bank) -> None:
    upload = put(case, "upload", KNOWN)
    bank.add(upload, "K-1", "", "")
    [found] = match_bank(case, bank, prints.MODEL, SETTINGS).found
    assert (found.overlap.query_share, found.overlap.stored_share, found.overlap.edits) == (1, 1, ("the same file",))


def test_an_overlap_turned_round_twice_is_the_same() -> None:
    overlap = compare(
        prints.fingerprint("a", with_footage_around(KNOWN, 80)), prints.fingerprint("b", KNOWN), SETTINGS.matching
    )
    assert overlap is not None
    bare = replace(overlap, edits=())
    assert inverted(inverted(bare)) == bare
    assert inverted(bare).query_share == bare.stored_share


def test_the_most_alike_come_first_without_any_threshold(case: Case, bank: Bank) -> None:
    noise = np.random.default_rng(5).normal(size=KNOWN.shape)
    put(case, "copy", KNOWN)
    put(case, "somewhat", prints.unit(KNOWN + 0.1 * noise))
    put(case, "stranger", prints.scene(9, 30))
    asked = prints.fingerprint("asked", KNOWN)
    found, _ = find_in_case(asked, case, SETTINGS.matching, 10)
    names = {prints.video_id(name): name for name in ("copy", "somewhat", "stranger")}
    assert [names[one.name] for one in found] == ["copy", "somewhat", "stranger"]
    assert found[0].likeness > 0.99 > found[1].likeness > found[2].likeness
    assert found[2].overlap is None
    assert len(find_in_case(asked, case, SETTINGS.matching, 1)[0]) == 1
    add(bank, "K-1", KNOWN)
    [known] = find_in_bank(asked, bank, SETTINGS.matching, 10)
    assert (known.name, known.likeness > 0.99) == ("K-1", True)


def test_groups_leave_out_the_sealed_and_name_what_was_not_compared(case: Case) -> None:
    for name in ("one", "two", "gone"):
        put(case, name, KNOWN)
    case.save(report("bare"))
    match_within(case, prints.MODEL, SETTINGS)
    case.save(Sealed(prints.video_id("gone"), 0, "sealed by a test", PROVENANCE))
    groups = group(case)
    [copies] = groups.clusters
    assert {member.video for member in copies.members} == {prints.video_id("one"), prints.video_id("two")}
    assert groups.not_compared == (prints.video_id("bare"),)
    assert groups.sealed == 1
    row = clusters_row(groups)
    assert [copy["video"] for copy in row["groups"][0]["copies"]] == [member.video for member in copies.members]
    assert (row["not_compared"], row["sealed"], row["links"]) == ([prints.video_id("bare")], 1, [])


def test_a_lost_report_does_not_hide_the_groups(case: Case) -> None:
    for name in ("one", "two", "lost"):
        put(case, name, KNOWN)
    match_within(case, prints.MODEL, SETTINGS)
    for file in (case.folder / "reports").rglob(f"*{prints.video_id('lost')}*"):
        file.unlink()
    [copies] = group(case).clusters
    assert {member.video for member in copies.members} == {prints.video_id("one"), prints.video_id("two")}

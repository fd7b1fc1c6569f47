from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.examples import PROVENANCE, failure, finding, report, video_id
from triage.case.copies import with_overlaps
from triage.case.rows import Row, row_of, with_paths
from triage.records import Coverage, Estimate, Label, Provenance, Queue, Role, Sealed, Track
from triage.report.card import Card, card_of, sealed_item

EVERY = replace(PROVENANCE, looked_for=tuple(role for role in Role if role not in {Role.COPIES, Role.SEXUAL}))
WHOLE = Coverage(10_000, 10_000, 400, 25, 0, 0)
SEALED = Sealed(video_id("sealed"), 1234, "possible sexual content, and a minor could not be excluded", PROVENANCE)


def row_with(
    tracks: Sequence[Track] = (), coverage: Coverage = WHOLE, provenance: Provenance = EVERY, **rest: Any
) -> Row:
    return known(
        replace(report(), tracks=tuple(tracks), coverage=coverage, provenance=provenance, **{"faults": (), **rest})
    )


def known(result: Any, paths: Sequence[str] = ("dump/a.mp4",)) -> Row:
    return with_paths(with_overlaps(row_of(result), [], [], {}), paths, [])


def card(row: Row, blind: Mapping[str, Sequence[str]] | None = None, **rest: Any) -> Card:
    return card_of(row, {video_id(): 0}, lambda video: video[:4], blind=blind or {}, **rest)


def seen(*tracks: Track) -> list[str]:
    return [line.words for line in card(row_with(tracks)).seen]


def track(label: Label, *times_ms: int, x0: float = 10, **rest: Any) -> Track:
    return Track(label, tuple(finding(time_ms, label, 0.6, x0) for time_ms in times_ms), **rest)


def test_people_are_as_many_as_were_there_at_once_up_to_as_many_as_were_sighted() -> None:
    one, two = track(Label.PERSON, 0, 400), track(Label.PERSON, 400, 800, x0=200)
    assert seen(one) == ["1 person"]
    assert seen(one, two) == ["2 people"]
    assert seen(one, two, track(Label.PERSON, 4000), track(Label.PERSON, 8000)) == ["2 to 4 people"]


def test_many_sightings_of_few_people_are_no_count_of_people() -> None:
    sightings = [track(Label.PERSON, 400 * number) for number in range(20)]
    assert seen(*sightings) == ["1 person or more (20 sightings, of which several may be of one person)"]


def test_a_weapon_is_said_with_its_samples_its_time_and_its_score() -> None:
    [words] = seen(track(Label.LONG_GUN, 12_000, 12_400, 12_800))
    assert words == "long gun possible in 3 samples, 00:12.0–00:12.8, best score 0.60"


def test_sightings_close_together_are_one_stretch_and_others_are_not() -> None:
    [line] = card(row_with([track(Label.BLADE, 1000), track(Label.BLADE, 2500), track(Label.BLADE, 8000)])).seen
    assert line.spans == ((1000, 2501), (8000, 8001))
    assert "00:01.0–00:02.6 and at 00:08.0" in line.words


def test_restraint_is_said_as_possible_with_what_it_rests_on() -> None:
    [words] = seen(track(Label.BOUND_HANDS, 12_000, 31_000, estimate=Estimate(0.4, 0.2, 0.6, ("kneeling",))))
    assert words == "restraint possible, 00:12–00:31 (0.40, or 0.20 to 0.60; kneeling)"


def test_a_possible_minor_cannot_be_excluded_in_words() -> None:
    [words] = seen(track(Label.POSSIBLE_MINOR, 0))
    assert words.startswith("1 sighting of somebody possibly a minor, cannot be excluded")


def test_graphic_content_says_its_highest_grade() -> None:
    graded = Track(Label.GRAPHIC, tuple(replace(finding(400, Label.GRAPHIC), grade=grade) for grade in (1, 3, 2)))
    assert seen(graded)[0].startswith("graphic content possible up to grade 3 of 3, a lot, in 1 sample")


def test_what_was_not_seen_is_never_said_without_what_was_not_looked_at() -> None:
    line = card(row_with([])).not_seen
    assert line is not None
    assert "looked for in 25 pictures and not seen there" in line.words
    assert "it may be there all the same. Not looked at: 3 dark of the pictures" in line.words
    assert "what was shown for less than 0.4 s" in line.words
    assert "nobody looked for sexual content" in line.words


def test_a_card_never_says_that_something_is_absent() -> None:
    for row in (row_with([]), known(report()), known(failure())):
        said = card(row)
        words = " ".join(
            line.words for line in (*said.seen, *([said.not_seen] if said.not_seen else []), *said.not_looked_at.gaps)
        ).lower()
        for absent in ("no weapon", "no people", "nothing found", "no minor", "not present", "safe"):
            assert absent not in words


def test_what_was_seen_is_not_among_what_was_not_seen() -> None:
    line = card(row_with([track(Label.HANDGUN, 0), track(Label.PERSON, 0)])).not_seen
    assert line is not None
    assert "not seen there: bound hands, uniforms, possible minors and graphic content;" in line.words


@pytest.mark.parametrize("label", [Label.HANDS_UNKNOWN, Label.AGE_UNKNOWN, Label.CLOTHING_UNKNOWN])
def test_what_could_not_be_told_is_no_sight_and_is_said(label: Label) -> None:
    said = card(row_with([track(label, 0), track(label, 4000)]))
    assert said.seen == ()
    [line] = said.not_looked_at.untold
    assert line.words.endswith("in 2 sightings of people")
    assert said.not_looked_at.brief.count("in 2 sightings") == 1


def test_pictures_on_which_a_model_failed_are_not_counted_as_looked_at() -> None:
    line = card(known(report())).not_seen
    assert line is not None
    assert "looked for in 5 pictures" in line.words
    assert "3 pictures where a model failed" in line.words


def test_a_video_of_which_no_picture_was_looked_at_is_not_said_to_show_nothing() -> None:
    line = card(row_with([], replace(WHOLE, sampled=0))).not_seen
    assert line is not None
    assert line.words == "no picture was looked at, so nothing can be said of what is in it"


def test_an_end_that_was_not_reached_is_a_stretch_of_its_own() -> None:
    gap, *_ = card(known(report())).not_looked_at.gaps
    assert gap.words == "not reached: 00:03–00:05 of what its header claims"
    assert gap.spans == ((3000, 5000),)


def test_each_gap_of_a_partial_video_is_said() -> None:
    beside = card(known(report())).not_looked_at
    words = " | ".join(line.words for line in beside.gaps)
    for part in ("3 pictures or pieces could not be decoded", "it ends at 00:03.000", "objects failed", "0.4 s"):
        assert part in words
    assert [line.words for line in beside.hard] == ["3 of 8 pictures looked at are dark: models miss more there"]
    assert "3 damaged pictures or pieces" in beside.brief


def test_models_stand_with_their_thresholds_and_blind_spots() -> None:
    [model] = card(known(report()), {"objects@12345678": ["Small things."]}).not_looked_at.models
    assert model.name == "objects@12345678"
    assert model.thresholds == ("weapon from 0.30", "weapon night from 0.25")
    assert model.blind == ("Small things.",)


def test_a_file_without_pictures_says_that_nothing_of_it_was_looked_at() -> None:
    said = card(known(failure()))
    assert (said.seen, said.not_seen, said.queue) == ((), None, Queue.UNREADABLE)
    assert said.not_looked_at.gaps[0].words == "nothing of this file was looked at: its header cannot be read"
    assert said.lead == said.not_looked_at.gaps[0].words


def test_a_lead_is_without_times() -> None:
    assert card(row_with([track(Label.LONG_GUN, 0), track(Label.PERSON, 0)])).lead == (
        "long gun possible in 1 sample; 1 person"
    )


def test_a_lead_without_sights_says_where_nobody_looked() -> None:
    assert card(row_with([], replace(WHOLE, why=("it is damaged",), undecoded=3))).lead == (
        "in 25 pictures nothing was seen of what was looked for; not looked at: 3 damaged pictures or pieces; "
        "3 dark of the pictures, where models miss more; and what its page says"
    )


def test_names_cannot_command_a_screen() -> None:
    row = known(report(), ["dump/\u202egpj.exe", "dump/\x1b[31m<b>.mp4"])
    assert card(row).names == ("dump/\\u202egpj.exe", "dump/\\x1b[31m<b>.mp4")


def test_there_is_no_card_of_what_is_sealed() -> None:
    with pytest.raises(ValueError, match="is sealed"):
        card(known(SEALED))


def test_a_sealed_item_is_a_hash_and_a_reason() -> None:
    item = sealed_item(known(SEALED, ["dump/a name.mp4"]))
    assert (item.video, item.why) == (SEALED.id, SEALED.why)
    assert "name" not in repr(item)
    assert "1234" not in repr(item).replace(SEALED.id, "")
    with pytest.raises(ValueError, match="only what is sealed"):
        sealed_item(known(report()))


def test_every_label_that_is_a_sight_is_said() -> None:
    neutral = {Label.FACE, Label.ADULT, Label.CIVILIAN, Label.HANDS_UNKNOWN, Label.AGE_UNKNOWN, Label.CLOTHING_UNKNOWN}
    for label in set(Label) - neutral:
        assert len(seen(track(label, 0))) == 1, label


def test_reports_of_the_first_schema_have_a_card() -> None:
    row = known(report())
    del row["conditions"]
    assert card(row).queue is Queue.PRIORITY

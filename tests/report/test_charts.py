from __future__ import annotations

import xml.etree.ElementTree as ET

from triage.records import Queue
from triage.report.charts import MOST_MONTHS, over_time, queue_chart, time_chart
from triage.report.heat import Kind


def test_months_without_a_video_stand_between_those_with_one() -> None:
    over = over_time([("2023-11-02T10:00:00Z", (Kind.WEAPON,)), ("2024-02-01T10:00:00", (Kind.WEAPON, Kind.PERSON))])
    assert over.periods == ("2023-11", "2023-12", "2024-01", "2024-02")
    assert over.counts == {Kind.WEAPON: (1, 0, 0, 1), Kind.PERSON: (0, 0, 0, 1)}


def test_a_video_without_a_date_is_counted_as_such() -> None:
    over = over_time([(None, (Kind.WEAPON,)), ("2024-02-01T10:00:00Z", ())])
    assert (over.undated, over.periods, dict(over.counts)) == (1, ("2024-02",), {})


def test_a_long_time_is_told_by_years() -> None:
    over = over_time([("1970-01-01T00:00:00Z", (Kind.PERSON,)), ("2024-01-01T00:00:00Z", (Kind.PERSON,))])
    assert MOST_MONTHS < 12 * 54
    assert over.periods[0] == "1970"
    assert over.periods[-1] == "2024"
    assert sum(over.counts[Kind.PERSON]) == 2


def test_a_chart_says_its_numbers_in_words() -> None:
    drawn = ET.fromstring(queue_chart({Queue.URGENT: 3, Queue.ROUTINE: 9}, 1000, 250))
    said = [piece.text for piece in drawn]
    assert "urgent 3; routine 9; 25 % of the footage unseen" in said
    assert {"urgent: 3", "routine: 9"} <= set(said)


def test_heights_of_all_lanes_are_on_one_scale() -> None:
    seen = [("2024-02-01", (Kind.PERSON,))] * 4 + [("2024-02-01", (Kind.WEAPON,))]
    bars = {
        piece.attrib["class"]: int(piece.attrib["height"])
        for piece in ET.fromstring(time_chart(over_time(seen)))
        if piece.attrib.get("class", "").startswith("k-")
    }
    assert bars["k-person"] == 4 * bars["k-weapon"]


def test_a_chart_of_nothing_is_still_a_chart() -> None:
    assert "no video with a date" in time_chart(over_time([]))

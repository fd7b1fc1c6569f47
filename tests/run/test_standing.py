from __future__ import annotations

from pathlib import Path

import pytest

from tests import media
from tests.examples import scripted_stages
from tests.run.test_local import Watched
from triage.case.store import open_case
from triage.run.dump import Found, dump_roots, walk
from triage.run.local import Hands, Outcome, Tally, scan
from triage.run.standing import estimate, standing


def test_a_pace_is_told_from_the_last_reports_without_the_pauses() -> None:
    steady = [(100.0 * number, 10) for number in range(11)]
    assert estimate(steady, 50) == pytest.approx(500)
    paused = [*steady, *((90_000.0 + 100 * number, 10) for number in range(11))]
    assert estimate(paused, 50) == pytest.approx(500)
    faster = [*steady, *((1000.0 + 50 * number, 10) for number in range(1, 300))]
    assert estimate(faster, 50) == pytest.approx(250), "what was slow long ago says nothing"


@pytest.mark.parametrize("written", [[], [(0.0, 10)], [(0.0, 10), (5.0, 10)], [(0.01 * n, 9) for n in range(50)]])
def test_no_pace_is_made_of_too_little(written: list[tuple[float, int]]) -> None:
    assert estimate(written, 50) is None


class StopsAfterTwo(Watched):
    hands = Hands()

    def end(self, found: Found, outcome: Outcome) -> None:
        super().end(found, outcome)
        if len(self.done) == 2:
            self.hands.is_stopped.set()


def test_what_is_done_what_failed_and_what_is_left_are_told_apart(tmp_path: Path) -> None:
    dump = tmp_path / "dump"
    dump.mkdir()
    media.video(dump / "a.mp4", pictures=10)
    media.NOT_VIDEOS["noise.mp4"](dump / "b.mp4")
    media.NOT_VIDEOS["note.mp4"](dump / "c.mp4")
    (dump / "d.mp4").symlink_to("/nowhere")
    last = media.video(dump / "e.mp4", pictures=12)
    roots = dump_roots([dump])
    watched = StopsAfterTwo()
    with open_case(tmp_path / "case", make=True) as case:
        found = list(walk(roots, leave_out=case.folder))
        with pytest.raises(KeyboardInterrupt):
            scan(case, roots, found, scripted_stages(), watched, Tally(), watched.hands)
        stopped = standing(case)
        scan(case, roots, found, scripted_stages(), Watched(), Tally())
        whole = standing(case)
    assert (stopped.done, stopped.tried_when_asked, stopped.left) == (1, 1, 3)
    assert stopped.left_bytes >= last.stat().st_size
    assert stopped.left_s is None
    assert (whole.done, whole.tried_again, whole.tried_when_asked, whole.settled, whole.left) == (2, 1, 1, 1, 0)

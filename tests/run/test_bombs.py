"""Files that were made to take all memory, all time or another place: each costs a row."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.bombs import VAST, bombs
from tests.examples import nobody, scripted_stages
from tests.run.test_local import Watched
from triage.case.rows import Row
from triage.case.store import open_case
from triage.run.dump import dump_roots, walk
from triage.run.local import Tally, scan

Rows = dict[str, Row]


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing but such files."""
    folder = tmp_path_factory.mktemp("bombs") / "dump"
    folder.mkdir()
    for name, data in bombs(folder, pictures=300).items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def rows(dump: Path) -> Rows:
    """What became of each; every one has one row."""
    rows: Rows = {}
    met: Counter[str] = Counter()
    with open_case(dump.parent / "case", make=True) as case:
        roots = dump_roots([dump])
        found = list(walk(roots, leave_out=case.folder))
        scan(case, roots, found, scripted_stages(nobody), Watched(), Tally())
        for row in case.rows():
            rows |= {str(Path(path).relative_to(dump)): row for path in row["video"]["paths"]}
            met.update(row["video"]["paths"])
        assert case.left() == []
    assert met == Counter(str(item.path) for item in found)
    assert set(met.values()) == {1}
    return rows


def words(row: Row) -> str:
    return str(row["verdict"]["reasons"][0]["words"])


def test_each_says_what_became_of_it(rows: Rows) -> None:
    assert all(len(words(row)) > 10 for row in rows.values())
    stopped = [name for name, row in rows.items() if "decoder was stopped" in str(row["verdict"])]
    assert stopped == [], "all were refused before they took anything"


@pytest.mark.parametrize("name", ["vast.png", "vast.jpg", "vast.gif", "vast.bmp", "vast.tiff", "vast.mov"])
def test_a_picture_that_is_vast_by_its_own_word_is_not_decoded(name: str, rows: Rows) -> None:
    assert rows[name]["verdict"]["queue"] == "unreadable"
    assert any(why in words(rows[name]) for why in (f"{VAST} x {VAST}", "could not be decoded", "could be decoded"))


@pytest.mark.parametrize("name", ["long.mp4", "long.mkv", "vast.mp4"])
def test_what_a_header_claims_decides_nothing(name: str, rows: Rows) -> None:
    coverage = rows[name]["coverage"]
    assert coverage["reached_ms"] == 400
    assert 0 < coverage["sampled"] <= 10


def test_very_many_pictures_are_all_counted(rows: Rows) -> None:
    coverage = rows["many.gif"]["coverage"]
    assert coverage["sampled"] + coverage["near_identical"] == 300


@pytest.mark.parametrize("name", ["deep.mp4", "deep.mkv", "counts.mp4", "absurd.tar", "less.tar", "digits.tar"])
def test_what_is_deep_or_counts_without_end_is_refused(name: str, rows: Rows) -> None:
    assert rows[name]["verdict"]["queue"] == "unreadable"


def test_an_archive_in_an_archive_is_named_and_not_opened(rows: Rows) -> None:
    assert "nobody looked at what is in it" in words(rows["deep.zip!/inner.zip"])
    assert [name for name in rows if name.startswith("deep.zip!")] == ["deep.zip!/inner.zip"]


@pytest.mark.parametrize("name", ["zeros.zip", "zeros.bz2.zip", "zeros.lzma.zip", "many.zip"])
def test_what_unpacks_to_far_more_than_itself_is_not_unpacked(name: str, rows: Rows) -> None:
    inside = {path: words(row) for path, row in rows.items() if path.startswith(f"{name}!")}
    assert inside
    refused = ("more likely a trap", "cannot be unpacked whole", "those of another member")
    # The last of many that share their bytes is read: it is no more than itself.
    assert sum(not any(why in said for why in refused) for said in inside.values()) == (name == "many.zip")


def test_what_leads_out_of_its_archive_is_nowhere(rows: Rows, dump: Path) -> None:
    for name in ("outside.zip", "outside.tar"):
        said = [words(row) for path, row in rows.items() if path.startswith(f"{name}!")]
        assert sum("leads out of the archive" in each for each in said) == 5
    assert list(dump.parent.rglob("outside.mp4")) == []
    assert not Path("/etc/outside.mp4").exists()

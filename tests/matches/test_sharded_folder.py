"""An index in several shards: it answers as one, and whatever breaks off or is damaged, it says truly what it holds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.test_indexes import clustered, queries
from tests.prints import DIM, MODEL, fingerprint, noisy, scene
from triage.errors import MatchIndexError
from triage.matches.faiss_index import FaissIndex
from triage.matches.index import ExactIndex, search_all
from triage.matches.index_folder import FORMAT, HEAD
from triage.matches.sharded_folder import shard_folder
from triage.matches.video_index import VideoIndex
from triage.records import Fingerprint
from triage.settings import Matching

SETTINGS = Matching()
PICTURES = 6
VIDEOS = 9
SHARD = 3 * PICTURES
"""Pictures in a shard of these tests: three videos, so that there are three shards."""


@cache
def video(number: int, pictures: int = PICTURES) -> Fingerprint:
    """The first three of any six share a scene, each in an edit of its own."""
    vectors = scene(number, pictures)
    if number % 6 < 3:
        vectors[:4] = noisy(scene(1000, 4), 0.9, number)
    return fingerprint(f"video {number}", vectors)


def filled(numbers: Iterable[int] = range(VIDEOS), *, folder: Path | None = None, shard: int = SHARD) -> VideoIndex:
    index = VideoIndex(MODEL, DIM, shard_vectors=shard, folder=folder)
    for number in numbers:
        index.add(video(number))
    return index


def kept(folder: Path, numbers: Iterable[int] = range(VIDEOS)) -> VideoIndex:
    """What lies in a folder after an index was saved there."""
    filled(numbers, folder=folder).save(folder)
    return load(folder)


def load(folder: Path) -> VideoIndex:
    return VideoIndex.load(folder, MODEL, shard_vectors=SHARD)


def answers(index: VideoIndex, numbers: Iterable[int] = range(VIDEOS)) -> list[tuple[list[str], list[int]]]:
    """All that an index is asked for in a matching, of each of these videos."""
    asked = [video(number) for number in numbers]
    return [
        (index.candidates(one, SETTINGS), index.commonness(one, SETTINGS, leave_out={one.video}).tolist())
        for one in asked
    ]


def ids(numbers: Iterable[int]) -> set[str]:
    return {video(number).video for number in numbers}


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def of_shard(folder: Path, place: int) -> set[str]:
    """Names of a shard's own files, as ``files`` has them."""
    own = shard_folder(folder, place)
    return {str(path.relative_to(folder)) for path in own.iterdir() if path.is_file()}


def spoil(folder: Path, place: int) -> None:
    """Change one byte of a shard."""
    [path] = shard_folder(folder, place).glob("vectors.*.faiss")
    path.write_bytes(path.read_bytes()[:-1] + b"!")


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    order=st.permutations(range(VIDEOS)),
    gone=st.sets(st.integers(0, VIDEOS - 1), max_size=5),
    shard=st.integers(1, 5 * PICTURES),
    is_saved=st.booleans(),
)
def test_shards_answer_as_one_index_of_everything(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], gone: set[int], shard: int, is_saved: bool
) -> None:
    folder = tmp_path_factory.mktemp("index")
    parts = filled(order, folder=folder if is_saved else None, shard=shard)
    parts.remove(*(video(number).video for number in gone))
    if is_saved:
        parts.save(folder)
    if is_saved and len(gone) < VIDEOS:
        parts = VideoIndex.load(folder, MODEL, shard_vectors=shard)
    whole = filled(sorted(set(order) - gone), shard=10**6)
    assert len(whole.shards) == 1
    assert answers(parts) == answers(whole)
    assert set(parts.videos()) == set(whole.videos())


def test_of_approximate_shards_nothing_that_one_found_is_lost_but_to_something_more_alike() -> None:
    vectors = clustered(3000)
    parts, exact = [FaissIndex(MODEL, DIM, exact_up_to=500) for _ in range(3)], ExactIndex(MODEL, DIM)
    keys = np.arange(3000)
    exact.add(keys, vectors)
    for place, part in enumerate(parts):
        part.add(keys[place::3], vectors[place::3])
    assert not any(part.is_exact for part in parts)
    asked = queries(vectors[::30])
    merged, right = search_all(parts, asked, 10), exact.search(asked, 10)
    for part in parts:
        own = part.search(asked, 10)
        for row in range(len(asked)):
            missed = ~np.isin(own.keys[row], merged.keys[row])
            assert (own.similarities[row][missed] <= merged.similarities[row, -1] + 1e-6).all()
    same = [len(np.intersect1d(one, two)) for one, two in zip(merged.keys, right.keys, strict=True)]
    assert np.mean(same) / 10 >= 0.98


def test_a_shard_grows_until_it_is_full_and_then_another_is_opened(tmp_path: Path) -> None:
    index = kept(tmp_path, range(4))
    assert [len(shard) for shard in index.shards] == [SHARD, PICTURES]
    first = {name: files(tmp_path)[name] for name in of_shard(tmp_path, 0)}
    for number in range(4, 8):
        index.add(video(number))
    index.save(tmp_path)
    again = load(tmp_path)
    assert [len(shard) for shard in again.shards] == [SHARD, SHARD, 2 * PICTURES]
    assert files(tmp_path).items() >= first.items(), "a full shard is not written again"
    assert answers(again, range(8)) == answers(filled(range(8)), range(8))


def test_a_video_that_has_more_pictures_than_a_shard_is_in_one_alone() -> None:
    index = VideoIndex(MODEL, DIM, shard_vectors=SHARD)
    for each in (video(0), video(50, 2 * SHARD), video(1)):
        index.add(each)
    assert [len(shard) for shard in index.shards] == [PICTURES, 2 * SHARD, PICTURES]


def test_an_index_of_few_videos_lies_where_it_always_did(tmp_path: Path) -> None:
    kept(tmp_path, range(2))
    assert {name.split(".")[0] for name in files(tmp_path)} == {"index", "vectors", "background"}


def test_an_index_of_an_earlier_version_is_opened_as_it_is(tmp_path: Path) -> None:
    kept(tmp_path, range(2))
    stored = json.loads((tmp_path / HEAD).read_text())
    stored["head"]["next"] = 2  # what stood there when there was one shard
    (tmp_path / HEAD).write_text(json.dumps(stored))
    assert answers(load(tmp_path), range(2)) == answers(filled(range(2)), range(2))


def test_all_but_the_last_shard_are_left_on_the_disk_while_an_index_is_built(tmp_path: Path) -> None:
    many = [fingerprint(f"long {number}", scene(number, 120)) for number in range(6)]
    index = VideoIndex(MODEL, DIM, exact_up_to=100, shard_vectors=250, folder=tmp_path)
    for each in many:
        index.add(each)
        assert [shard.is_mapped for shard in index.shards] == [True] * (len(index.shards) - 1) + [False]
    assert [list(shard.places) for shard in index.shards] == [
        [a.video, b.video] for a, b in zip(many[::2], many[1::2], strict=True)
    ]
    index.remove(many[1].video, many[3].video)
    assert [shard.is_mapped for shard in index.shards] == [True, True, False], "also what was read to be changed"
    index.save(tmp_path)
    left = VideoIndex.load(tmp_path, MODEL)
    stays = {many[number].video for number in (0, 2, 4, 5)}
    assert set(left.videos()) == stays
    assert [shard.is_mapped for shard in left.shards] == [True, True, False]
    assert {video for one in many for video in left.candidates(one, SETTINGS)} == stays


def test_removing_a_video_changes_the_files_of_its_shard_alone(tmp_path: Path) -> None:
    index = kept(tmp_path)
    before = files(tmp_path)
    own = of_shard(tmp_path, 1)
    index.remove(video(4).video)
    index.save(tmp_path)
    after = files(tmp_path)
    assert {name for name, data in before.items() if after.get(name) != data} == own
    assert not any(video(4).video.encode() in data for data in after.values())
    assert answers(load(tmp_path)) == answers(filled(n for n in range(VIDEOS) if n != 4))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_shard_whose_videos_are_all_gone_is_gone(tmp_path: Path, place: int) -> None:
    index = kept(tmp_path)
    index.remove(*index.shards[place].places)
    index.save(tmp_path)
    assert of_shard(tmp_path, place) == set() if place == 0 else not shard_folder(tmp_path, place).exists()
    left = [n for n in range(VIDEOS) if n // 3 != place]
    again = load(tmp_path)
    assert answers(again) == answers(filled(left))
    for number in range(3 * place, 3 * place + 3):
        again.add(video(number))
    again.save(tmp_path)
    assert {one[0] for one in map(tuple, (found for found, _ in answers(load(tmp_path))))} >= ids({3, 4, 5})


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_damaged_shard_is_made_anew_alone_from_fingerprints(tmp_path: Path, place: int) -> None:
    kept(tmp_path)
    spoil(tmp_path, place)
    others = {name: data for name, data in files(tmp_path).items() if name not in of_shard(tmp_path, place)}
    index = load(tmp_path)
    [remark] = index.remarks
    assert "the index is damaged" in remark
    lost = set(range(3 * place, 3 * place + 3))
    assert set(index.videos()) == ids(set(range(VIDEOS)) - lost)
    assert index.is_changed, "the damaged one is to go, even if none of its videos is wanted any more"
    for number in sorted(lost):
        index.add(video(number))
    index.save(tmp_path)
    assert files(tmp_path).items() >= others.items()
    again = load(tmp_path)
    assert again.remarks == ()
    assert not again.is_changed
    assert answers(again) == answers(filled())


def test_where_no_shard_is_whole_there_is_no_index(tmp_path: Path) -> None:
    kept(tmp_path)
    for place in range(3):
        spoil(tmp_path, place)
    with pytest.raises(MatchIndexError, match=r"damaged.*--rebuild$"):
        load(tmp_path)
    with pytest.raises(MatchIndexError, match="there is no index here"):
        load(tmp_path / "elsewhere")


def test_a_shard_that_shares_a_video_with_another_is_not_used(tmp_path: Path) -> None:
    kept(tmp_path)
    shutil.copytree(tmp_path / "shard-1", tmp_path / "shard-7")
    index = load(tmp_path)
    [remark] = index.remarks
    assert "it has a video of another part" in remark
    assert answers(index) == answers(filled())
    index.save(tmp_path)
    assert not (tmp_path / "shard-7").exists()


def test_a_shard_of_another_model_or_a_newer_version_is_not_used(tmp_path: Path) -> None:
    kept(tmp_path)
    for place, changed in ((1, {"model": "other@12345678"}), (2, {"format": FORMAT + 1})):
        head = shard_folder(tmp_path, place) / HEAD
        head.write_text(json.dumps(json.loads(head.read_text()) | changed))
    index = load(tmp_path)
    assert set(index.videos()) == ids(range(3))
    assert ["other@12345678" in one for one in index.remarks] == [True, False]
    assert ["newer version" in one for one in index.remarks] == [False, True]


def test_what_others_put_into_the_folder_stays(tmp_path: Path) -> None:
    index = kept(tmp_path)
    mine = [tmp_path / "note.txt", tmp_path / "shard-1" / "note.txt", tmp_path / "shard-x" / "note.txt"]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    index.remove(*ids({3, 4, 5}))
    index.save(tmp_path)
    assert [path.read_text() for path in mine] == ["mine"] * 3
    assert of_shard(tmp_path, 1) == {"shard-1/note.txt"}
    assert answers(load(tmp_path)) == answers(filled([0, 1, 2, 6, 7, 8]))


class KilledError(BaseException):
    """The process is ended here: nothing that would clean up runs after it."""


class Killing:
    """Lets so many changes of names come about, and none after them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
        self.left = after
        self.is_over = False
        for name in ("replace", "unlink", "rmdir"):
            monkeypatch.setattr(Path, name, self._counted(getattr(Path, name)))

    def _counted(self, change: object) -> object:
        def changed(path: Path, *given: object, **named: object) -> object:
            self.is_over = self.is_over or self.left == 0
            if self.is_over:
                raise KilledError
            self.left -= 1
            return change(path, *given, **named)  # type: ignore[operator]

        return changed


def test_whenever_it_is_killed_what_is_there_is_true_and_can_be_completed(tmp_path: Path) -> None:
    """Videos go, others come, and a new shard is opened; killed after each change of a name, in turn."""
    start = tmp_path / "start"
    kept(start, range(5))
    wanted = sorted({0, 2, 3, 4, *range(5, VIDEOS)})
    undisturbed = answers_by_video(filled(wanted))
    for after in range(1000):
        folder = tmp_path / f"killed after {after}"
        shutil.copytree(start, folder)
        with pytest.MonkeyPatch.context() as patching:
            killing = Killing(patching, after)
            with suppress(KilledError):
                bring_up_to_date(folder, wanted)
        if any(folder.rglob(HEAD)):
            index = load(folder)
            assert index.remarks == ()
            held = [n for n in range(VIDEOS) if video(n).video in index]
            assert answers_by_video(index) == answers_by_video(filled(held)), "whole, with whatever is in it"
        bring_up_to_date(folder, wanted)
        final = load(folder)
        assert answers_by_video(final) == undisturbed
        assert not any(video(1).video.encode() in data for data in files(folder).values())
        if not killing.is_over:
            break
    assert after > 10, "or it was killed nowhere"


def answers_by_video(index: VideoIndex) -> dict[str, tuple[str, ...]]:
    """Of some videos, which each is like."""
    return {video(n).video: tuple(index.candidates(video(n), SETTINGS)) for n in (0, 1, 2, 7)}


def bring_up_to_date(folder: Path, wanted: list[int]) -> None:
    """As a matching does it: what went goes, what came is added, and it is saved."""
    try:
        index = load(folder)
    except MatchIndexError:
        index = VideoIndex(MODEL, DIM, shard_vectors=SHARD, folder=folder)
    index.remove(*(set(index.videos()) - ids(wanted)))
    for number in wanted:
        if video(number).video not in index:
            index.add(video(number))
    index.save(folder)

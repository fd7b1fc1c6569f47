from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from tests.examples import bright_is_armed, scripted_stages, video_id
from triage.cli.scanning import Means
from triage.cli.scanning import run as scan_as_asked
from triage.errors import UsageError, WeightsError
from triage.looking import Looked
from triage.records import Frame, Video
from triage.run.cluster.asking import MOST_BYTES, TRIES, Asking, LookerGoneError, NobodyThereError
from triage.run.cluster.sameness import (
    installed,
    refuse_mixture,
    refuse_other_installation,
    refuse_other_models,
)
from triage.run.cluster.starting import where

STAGES = scripted_stages()


class Lookers:
    """Answers when it is told to; the last asked first."""

    def __init__(self, count: int, *gone: int) -> None:
        self._count, self._gone = count, set(gone)
        self.out: list[tuple[int, list[Frame], Future[Looked]]] = []
        self.most_out = 0
        self.asked: list[int] = []

    def __len__(self) -> int:
        return self._count

    def ask(self, which: int, frames: list[Frame], *, only_traces: bool) -> Future[Looked]:
        answer = Answered(self)
        self.asked.append(which)
        if which in self._gone:
            answer.set_exception(LookerGoneError())
        else:
            self.out.append((which, frames, answer))
            self.most_out = max(self.most_out, len(self.out))
        return answer

    def answer_last(self) -> None:
        _, frames, answer = self.out.pop()
        times_ms = tuple(frame.time_ms for frame in frames)
        answer.set_result(Looked(times_ms, tuple(() for _ in times_ms), (), None, {}, ()))


class Answered(Future[Looked]):
    """Whoever waits for it is answered, after all that were asked later."""

    def __init__(self, lookers: Lookers) -> None:
        super().__init__()
        self._lookers = lookers

    def result(self, timeout: float | None = None) -> Looked:
        while not self.done():
            self._lookers.answer_last()
        return super().result(timeout)


def batches(count: int, wide: int = 8) -> Iterator[list[Frame]]:
    image = np.zeros((8, wide, 3), np.uint8)
    image.flags.writeable = False
    video = Video(video_id(), Path(), wide, 8, 1000, "mp4", "h264")
    return ([Frame(video, 100 * number, image)] for number in range(count))


def test_no_more_batches_than_the_bound_are_on_their_way_and_answers_come_in_order() -> None:
    lookers = Lookers(3)
    seen = list(Asking(lookers, STAGES, most=4).looking(batches(50), False))
    assert [looked.times_ms for looked in seen] == [(100 * number,) for number in range(50)]
    assert lookers.most_out == 4


def test_pictures_are_taken_from_the_decoder_only_as_there_is_room() -> None:
    taken = 0

    def counted() -> Iterator[list[Frame]]:
        nonlocal taken
        for batch in batches(50):
            taken += 1
            yield batch

    seen = Asking(Lookers(2), STAGES, most=4).looking(counted(), False)
    next(seen)
    assert taken == 5


def test_large_pictures_go_one_batch_at_a_time() -> None:
    lookers = Lookers(3)
    wide = MOST_BYTES // (8 * 3) // 2 + 1
    assert len(list(Asking(lookers, STAGES, most=4).looking(batches(4, wide), False))) == 4
    assert lookers.most_out == 1


def test_who_looks_on_the_same_node_is_asked_first_and_the_others_as_it_has_work() -> None:
    lookers = Lookers(3)
    list(islice(Asking(lookers, STAGES, most=4, near=frozenset({2})).looking(batches(9), False), 1))
    assert lookers.asked[:4] == [2, 0, 1, 2]


def test_a_batch_of_one_who_ended_goes_to_another_and_nothing_more_to_the_one() -> None:
    lookers = Lookers(2, 0)
    seen = list(Asking(lookers, STAGES, most=2).looking(batches(6), False))
    assert [looked.times_ms for looked in seen] == [(100 * number,) for number in range(6)]
    assert not any(looked.missed for looked in seen)
    assert lookers.asked.count(0) == 1


def test_a_batch_that_ends_whoever_looks_is_missed_by_every_model() -> None:
    lookers = Lookers(TRIES, *range(TRIES))
    (looked,) = Asking(lookers, STAGES, most=2).looking(batches(1), False)
    assert [missed.model for missed in looked.missed] == [model.name for model in STAGES.detectors]
    assert "ended three times over them" in looked.missed[0].why


def test_when_all_have_ended_the_video_goes_back() -> None:
    with pytest.raises(NobodyThereError):
        list(Asking(Lookers(1, 0), STAGES, most=2).looking(batches(1), False))


def test_another_version_other_files_and_other_libraries_are_refused_by_name() -> None:
    own = installed()
    refuse_other_installation(own, replace(own, host="there"))
    for other, words in (
        (replace(own, version="9.9.9"), r"the node there has triage 9\.9\.9, this machine"),
        (replace(own, code="0" * 64), "the node there has other files of triage"),
        (replace(own, libraries={**own.libraries, "av": "1.0"}), r"the node there has av 1\.0, this machine"),
        (replace(own, libraries={}), "the node there has Python none, this machine 3"),
    ):
        with pytest.raises(UsageError, match=words):
            refuse_other_installation(own, replace(other, host="there"))


def test_other_weights_and_settings_are_refused_by_name() -> None:
    told = STAGES.provenance
    (name,) = told.weights
    other = replace(STAGES, provenance=replace(told, weights={name: "ab" * 32}))
    with pytest.raises(WeightsError, match=f"the node there has weights abababab as {name}, this machine weights"):
        refuse_other_models(STAGES, other, "there")
    with pytest.raises(UsageError, match="the node there understands these settings otherwise"):
        refuse_other_models(STAGES, scripted_stages(bright_is_armed, "sampling.step_ms=123"), "there")


def test_nodes_that_run_models_otherwise_are_not_mixed() -> None:
    told = STAGES.provenance
    (name,) = told.weights
    other = replace(STAGES, provenance=replace(told, runs_on={name: "another card"}))
    with pytest.raises(UsageError, match=f"{name} runs on another card at the node b"):
        refuse_mixture({"a": STAGES, "b": other})


@pytest.mark.parametrize("text", ["spark", "ray:", "ray:head", "ray:head:port", "Ray"])
def test_what_is_no_cluster_is_refused_with_what_is_wanted(text: str) -> None:
    with pytest.raises(UsageError, match=f"--on {text}: .*wanted is"):
        where(text)


def test_without_ray_the_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'triage\[ray\]'"):
        scan_as_asked([tmp_path], tmp_path / "case", "default", [], means=Means(on="ray"))
    assert not (tmp_path / "case").exists()

"""Measuring what steps cost: on clips that are drawn, without models."""

from __future__ import annotations

import json
from pathlib import Path

import bench_costs
import pytest

from tests import media, prints
from tests.examples import report
from triage.case.store import open_case
from triage.pipeline import Examined


def test_a_video_is_kept_as_often_as_it_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_costs, "KEPT_VIDEOS", 3)
    examined = Examined(report("seen"), prints.fingerprint("seen", prints.scene(1, 5)))
    took = bench_costs.keeping(examined, tmp_path)
    assert took["cpu_s"] > 0
    assert took["waited_s"] > 0
    with open_case(tmp_path / "case") as case:
        videos = [row["video"]["id"] for row in case.rows()]
        assert len(set(videos)) == 3
        assert examined.report.video.id not in videos
        assert all(case.copies.has(video, prints.MODEL) for video in videos)


def test_only_the_beginning_of_a_clip_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = media.video(tmp_path / "clip.mp4", pictures=100)
    monkeypatch.setattr(bench_costs, "MOST_S", 2)
    (tmp_path / "cut").mkdir()
    cut = bench_costs._cut(clip, tmp_path / "cut")
    frames = bench_costs._frames(cut, 1000)
    assert 1500 <= frames[-1].time_ms <= 2000
    assert len(bench_costs._frames(cut, 2)) == 2


def test_a_clip_encoded_anew_has_the_size_and_the_length_that_were_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_costs, "SCALED_S", 1)
    clip = media.video(tmp_path / "clip.mp4", pictures=50)
    made, seconds = bench_costs._encoded(clip, tmp_path / "made.mp4", 320, 180)
    [first, *_] = bench_costs._frames(made, 5)
    assert (first.video.width_px, first.video.height_px, seconds) == (320, 180, 1.0)


def test_what_is_measured_is_what_the_simulation_reads(tmp_path: Path) -> None:
    from simulate_scan import costs_of

    clip = {"pictures_a_second": 3.0, "looking_s": 0.06, "rest_s_a_picture": 0.002}
    told = {
        "hash_mib_a_second": bench_costs.hashing(tmp_path, size_mib=1),
        "decoding_s_a_second": dict.fromkeys(bench_costs.HEIGHTS, 0.1),
        "clips": {"clip": clip},
        "handing_out": {"s_a_picture": 0.002},
        "keeping": {"cpu_s": 0.005, "waited_s": 0.006},
        "starting": {"cpu_s": 3.0, "waited_s": 3.0},
    }
    for size in bench_costs.HEIGHTS:
        costs = costs_of(json.loads(json.dumps(told)), size, 200_000.0)
        assert costs.core_s_a_second > 0.1 + 3 * 0.062

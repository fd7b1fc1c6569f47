"""The simulation of a scan, where its answer can be worked out by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("simpy", reason="comes with pip install 'triage[test]'")
from simulate_scan import (
    ClusterScan,
    Costs,
    PoolScan,
    Scanned,
    costs_of,
    full_at,
    lengths,
    table,
)

FREE = Costs(0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 100)
LOOKING = replace(FREE, look_s=0.5)
"""A second of footage takes a second of a core, and nothing else takes any time."""


def pool(costs: Costs, lengths_s: list[float], workers: int, **more: Any) -> Scanned:
    return PoolScan(costs, lengths_s, workers, **more).run()


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_looking_alone_is_divided_among_all(workers: int) -> None:
    scanned = pool(LOOKING, [400.0] * 8, workers)
    assert scanned.took_s == pytest.approx(3200 / workers, rel=0.01)
    assert scanned.footage_s == 3200


def test_one_long_video_is_looked_at_by_all_in_a_pool_and_by_one_in_a_cluster() -> None:
    assert pool(LOOKING, [800.0], 4).took_s == pytest.approx(200, rel=0.02)
    assert ClusterScan(LOOKING, [800.0], 4).run().took_s == pytest.approx(800)


def test_decoding_shares_the_cores_with_looking() -> None:
    costs = replace(LOOKING, decode_s_a_second=1.0)
    assert pool(costs, [100.0] * 8, 2).took_s == pytest.approx(800, rel=0.02)
    assert pool(costs, [100.0] * 8, 2, cores=4).took_s == pytest.approx(400, rel=0.05)


def test_what_one_process_calculates_itself_is_done_by_one_thread_at_a_time() -> None:
    costs = replace(LOOKING, look_s=0.1, out_s=0.4)
    few, many = pool(costs, [50.0] * 40, 2), pool(costs, [50.0] * 40, 16)
    assert many.took_s == pytest.approx(40 * 50 * 0.8, rel=0.05), "0.8 s of handing out for each second of footage"
    assert few.took_s == pytest.approx(many.took_s, rel=0.3)
    assert many.limit == "handing out"


def test_no_more_pictures_wait_than_have_room() -> None:
    large = replace(LOOKING, picture_bytes=1 << 26)
    assert large.room == 1
    scanned = pool(large, [80.0] * 20, 8)
    assert scanned.took_s == pytest.approx(1600, rel=0.02), "one batch at a time, whoever is free"
    assert scanned.limit == "room for pictures"


@pytest.mark.parametrize(("kind", "times"), [(PoolScan, 1), (ClusterScan, 2)])
def test_a_slow_share_holds_up_everybody(kind: type[PoolScan | ClusterScan], times: int) -> None:
    costs = replace(LOOKING, bytes_a_second=1000.0)
    scanned = kind(costs, [10.0] * 100, 50, 500.0).run()
    assert scanned.took_s == pytest.approx(times * 100 * 10 * 1000 / 500, rel=0.05)
    assert scanned.busy["network"] == pytest.approx(1, abs=0.05)


def test_a_cluster_is_held_up_by_the_one_that_keeps() -> None:
    scanned = ClusterScan(replace(LOOKING, keep_s=2.0), [1.0] * 200, 50).run()
    assert scanned.took_s == pytest.approx(400, rel=0.02)


def test_hashing_in_a_pool_is_one_file_after_the_other() -> None:
    costs = replace(LOOKING, look_s=0.0, bytes_a_second=1000.0, hash_s_a_byte=0.001)
    assert pool(costs, [10.0] * 20, 8).took_s == pytest.approx(200)


def test_nothing_is_at_work_for_longer_than_there_was_time() -> None:
    costs = Costs(1e-8, 0.1, 2.5, 0.08, 0.003, 0.002, 0.004, 0.01, 4, 2e5, 2_764_800)
    for scanned in (pool(costs, lengths(60), 4, network_bytes=1e8), ClusterScan(costs, lengths(60), 4, 1e8).run()):
        assert all(0 <= share <= 1.0001 for share in scanned.busy.values())
        assert 0 < scanned.full_s <= scanned.took_s
        assert scanned.pace * costs.core_s_a_second <= 4.01, "four cores"


def test_the_tables_come_from_what_was_measured(tmp_path: Path) -> None:
    clip = {"pictures_a_second": 2.0, "looking_s": 0.05, "rest_s_a_picture": 0.001}
    told = {
        "hash_mib_a_second": 1000,
        "decoding_s_a_second": {"720p": 0.1},
        "clips": {"one": clip, "other": {**clip, "looking_s": 0.15}},
        "handing_out": {"s_a_picture": 0.002},
        "keeping": {"cpu_s": 0.003, "waited_s": 0.02},
        "starting": {"cpu_s": 3.0},
    }
    costs = costs_of(json.loads(json.dumps(told)), "720p", 100_000)
    assert costs.look_s == pytest.approx(0.1)
    assert costs.core_s_a_second == pytest.approx(0.1 + 2 * 0.101 + 100_000 / (1000 * 2**20))
    asked = type("Asked", (), {"workers": (1, 2), "least": 20, "each": 5, "median": 30.0, "sigma": 1.2, "network": 100})
    rows = list(table(PoolScan, costs, asked))  # type: ignore[arg-type]
    assert len(rows) == 4
    assert rows[2].split("|")[4].strip() == "1.00", "one is as good as one"
    assert full_at(costs, math.inf)["pool: handing out"] == pytest.approx(costs.core_s_a_second / 0.004)

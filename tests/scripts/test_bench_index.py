"""Measuring shards: what is measured are shards that answer, mapped as in memory."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from bench_index import ask, build, draw, of_opened

VECTORS = 4000
EXACT_UP_TO = 500

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


def test_shards_that_were_built_answer_the_same_mapped_and_in_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "vectors.f16"
    stored = draw(file, VECTORS, seed=0)
    asked = ask(stored, 40, seed=0)
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder, part in zip(folders, (slice(0, VECTORS // 2), slice(VECTORS // 2, VECTORS)), strict=True):
        took_s, most_mib = build(file, VECTORS, part, EXACT_UP_TO, folder)
        assert took_s > 0
        assert most_mib >= 0
    mapped, loaded = (of_opened(way, folders, asked, way == "mapped") for way in ("mapped", "in memory"))
    assert (mapped.recall_light, mapped.recall_heavy) == (loaded.recall_light, loaded.recall_heavy)
    assert mapped.recall_light > 0.9
    assert capsys.readouterr().out.count("|") == 2 * 10
    assert np.array_equal(draw(file, VECTORS, seed=0), stored), "it is drawn once"

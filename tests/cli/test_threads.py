"""Threads that would only stand in each other's way."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ASKED = "import triage.cli.main, os; print(os.environ['OPENBLAS_NUM_THREADS'])"
BEFORE = "import triage.cli, sys; print('numpy' in sys.modules)"


def said(code: str, **environment: str) -> str:
    known = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    run = subprocess.run(
        [sys.executable, "-c", code], env={**known, **environment}, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


@pytest.mark.parametrize(("environment", "wanted"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "4"}, "4")])
def test_numpy_calculates_in_one_thread_unless_somebody_says_otherwise(
    environment: dict[str, str], wanted: str
) -> None:
    assert said(ASKED, **environment) == wanted


def test_it_is_said_before_numpy_is_loaded() -> None:
    assert said(BEFORE) == "False"

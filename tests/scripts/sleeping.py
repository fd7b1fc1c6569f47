"""A stand-in for a model that takes time and nobody's core; the processes of a pool load it by its name."""

from __future__ import annotations

import time

from triage.records import Frame

SLEEP_S = 0.03
"""Over each picture."""


def sleeps(_: Frame) -> tuple[()]:
    """Sees nothing in a picture, slowly."""
    time.sleep(SLEEP_S)
    return ()

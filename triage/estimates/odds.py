"""Probabilities as log-odds and back: looks are weighed on that scale."""

from __future__ import annotations

import math


def log_odds(probability: float, most: float) -> float:
    """Log-odds of a probability, kept from ``1 - most`` to ``most``: no single look makes anything certain."""
    kept = min(max(probability, 1 - most), most)
    return math.log(kept / (1 - kept))


def probability_of(log_odds: float) -> float:
    """The probability with these log-odds."""
    return 1 / (1 + math.exp(-log_odds))

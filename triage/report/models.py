"""What the cards of the models at hand say that they miss."""

from __future__ import annotations

from triage.cards import blind_spots
from triage.weights import all_weights


def blind_spots_of_all() -> dict[str, tuple[str, ...]]:
    """Model, as provenance names it (``name@first 8 digits``), to the first sentences of its card's list.

    A model that looked once and is no longer at hand is absent: nobody can say here what it misses.

    Raises:
        WeightsError: a manifest cannot be read.
    """
    found = {}
    for weights in all_weights():
        try:
            spots = blind_spots(weights.card)
        except OSError:
            continue  # the card is gone; what the model misses is then not known, and the page says so
        found[f"{weights.name}@{weights.sha256[:8]}"] = spots
    return found

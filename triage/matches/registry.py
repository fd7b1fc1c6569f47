"""Which kinds of models make embeddings, and the one that a scan uses. Imports nothing heavy until asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from triage.errors import WeightsError
from triage.matches.embedder import Embedder
from triage.records import Role
from triage.settings import Settings
from triage.weights import Weights, chosen

if TYPE_CHECKING:
    from triage.matches.view_embedder import ViewEmbedder


def _copies(weights: Weights, settings: Settings) -> ViewEmbedder:
    from triage.matches.copies import CopyNetwork
    from triage.matches.view_embedder import ViewEmbedder

    return ViewEmbedder(weights, CopyNetwork(weights, settings.detecting.precision))


def _torchscript(weights: Weights, _: Settings) -> ViewEmbedder:
    from triage.matches.torchscript import TorchScriptNet
    from triage.matches.view_embedder import ViewEmbedder

    return ViewEmbedder(weights, TorchScriptNet(weights))


EMBEDDERS: Mapping[str, Callable[[Weights, Settings], ViewEmbedder]] = {
    "copies": _copies,
    "torchscript": _torchscript,
}
"""Reader named in a manifest entry -> what makes an embedder of it. To add one: a file here, and a line."""


def open_embedder(settings: Settings) -> Embedder | None:
    """What makes embeddings of frames. None: there are no weights for it, so nobody can look for copies.

    Raises:
        WeightsError: a file is absent or changed, has no card, or cannot be read as a model.
    """
    weights = chosen([Role.COPIES]).get(Role.COPIES)
    if weights is None:
        return None
    weights.check()
    return open_with(weights, settings)


def open_with(weights: Weights, settings: Settings) -> ViewEmbedder:
    """What makes embeddings with these weights, whether or not they are in use.

    Raises:
        WeightsError: no reader of that name is known, or the file cannot be read as a model.
    """
    if weights.reader not in EMBEDDERS:
        raise WeightsError(f"{weights.name}: there is no reader {weights.reader!r}; known are {', '.join(EMBEDDERS)}")
    return EMBEDDERS[weights.reader](weights, settings)

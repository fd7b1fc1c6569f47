"""Pictures -> embeddings: borders off, fourteen views, one vector for each, and a hash of the whole."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from triage.errors import DetectorError, WeightsError
from triage.matches import pdq
from triage.matches.background import read_background
from triage.matches.borders import find_borders
from triage.matches.embedder import Net
from triage.matches.information import is_comparable, is_grey
from triage.matches.shrinking import Image
from triage.matches.views import cut
from triage.network import Numbers
from triage.records import VIEWS, Embedding, Frame, Vectors
from triage.weights import Weights

RECIPE = "2"
"""Goes up by one when borders, views or hashes are made otherwise, so that old vectors are not compared with new."""
NOTHING = 1.0
"""Background of a view that says nothing: it is as much like pictures that have nothing to do with it as can be."""
NO_LENGTH = 1e-6
"""A vector as short as this has no direction."""


class ViewEmbedder:
    """Embeddings by a net that is run on the fourteen views of every picture, all of a batch at once."""

    def __init__(self, weights: Weights, net: Net) -> None:
        """Try the net on one picture.

        Raises:
            WeightsError: it does not answer with one vector, or the background is not of its kind.
        """
        self.name = f"{weights.name}@{weights.sha256[:8]}"
        self.sha256 = weights.sha256
        self.model = f"{weights.name}@{_digest(weights.sha256, weights.background_sha256, RECIPE)}"
        self.runs_on = net.runs_on
        self.side_px = net.side_px
        self._net = net
        self.dim = _tried(net, weights)
        self._background = read_background(weights.background, self.dim)

    def embed(self, frames: Sequence[Frame]) -> list[Embedding]:
        if not frames:
            return []
        borders = [find_borders(frame.image) for frame in frames]
        views = [cut(frame.image, cut_off, self.side_px) for frame, cut_off in zip(frames, borders, strict=True)]
        answered = self._net.vectors(np.concatenate(views), self.name)
        if answered.shape != (len(frames) * len(VIEWS), self.dim):
            raise DetectorError(f"{self.name} failed: it answers with numbers of the shape {answered.shape}")
        vectors, has_length = _of_unit_length(answered)
        background = self._background.of(vectors).reshape(len(frames), len(VIEWS))
        by_frame = vectors.reshape(len(frames), len(VIEWS), self.dim)
        with_length = has_length.reshape(len(frames), len(VIEWS))
        return [
            _embedding(frame, by_frame[place], background[place], borders[place], views[place], with_length[place])
            for place, frame in enumerate(frames)
        ]


def _embedding(
    frame: Frame,
    vectors: Vectors,
    background: Vectors,
    borders: tuple[float, float, float, float],
    views: Image,
    has_length: npt.NDArray[np.bool_],
) -> Embedding:
    packed, quality = pdq.compute(frame.image)
    # A part in which there is nothing is like all others in which there is nothing.
    says_something = has_length & [is_comparable(view) for view in views]
    return Embedding(
        time_ms=frame.time_ms,
        vectors=vectors,
        background=np.where(says_something, background, NOTHING).astype(np.float32),
        hash=packed,
        quality=quality,
        borders=borders,
        is_comparable=bool(says_something[0]),
        is_grey=is_grey(views[0]),
    )


def _tried(net: Net, weights: Weights) -> int:
    """How many numbers the vector of one picture has. What is wrong with a model is better known before a scan."""
    ramp = np.linspace(0, 255, net.side_px).astype(np.uint8)
    picture = np.stack(np.broadcast_arrays(ramp[None, :], ramp[:, None], ramp[None, ::-1]), axis=-1)
    try:
        answered = net.vectors(picture[None], weights.name)
    except DetectorError as error:
        raise WeightsError(f"{weights.file}: {error}") from error
    if answered.ndim != 2 or len(answered) != 1 or answered.shape[1] < 2:
        raise WeightsError(
            f"{weights.file}: for one picture it answers with numbers of the shape {answered.shape}; wanted is one "
            "vector, (1, D), as a net for finding copies gives"
        )
    return int(answered.shape[1])


def _of_unit_length(vectors: Numbers) -> tuple[Vectors, npt.NDArray[np.bool_]]:
    """The same in unit length, and which of them had one; what had none is as good as any other and is not compared."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    has_length = lengths >= NO_LENGTH
    level = np.full(vectors.shape[1], vectors.shape[1] ** -0.5)
    unit = np.where(has_length[:, None], vectors / np.maximum(lengths, NO_LENGTH)[:, None], level)
    return unit.astype(np.float32), has_length


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]

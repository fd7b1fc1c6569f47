"""What any embedder promises, and what any net that one is made from does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from triage.network import Images, Numbers
from triage.records import Embedding, Frame


class Embedder(Protocol):
    """What makes embeddings of pictures."""

    @property
    def name(self) -> str:
        """``name@first 8 digits of the weights' hash``."""

    @property
    def sha256(self) -> str:
        """Of the weights."""

    @property
    def model(self) -> str:
        """``name@first 8 digits of a hash`` over what vectors must share to be compared: the weights, the vectors of
        unrelated pictures, and how views are cut.
        """

    @property
    def dim(self) -> int:
        """D, how many numbers a vector has."""

    @property
    def runs_on(self) -> str:
        """Library, device and precision."""

    def embed(self, frames: Sequence[Frame]) -> list[Embedding]:
        """One embedding per frame, in order.

        Raises:
            DetectorError: the net failed, so these frames have none.
        """


class Net(Protocol):
    """One way to run a net that turns square pictures into vectors."""

    @property
    def side_px(self) -> int:
        """Of its pictures."""

    @property
    def runs_on(self) -> str: ...

    def vectors(self, images: Images, name: str) -> Numbers:
        """The vector of each picture (N, side, side, 3) BGR, of any length, as the net gives it.

        Raises:
            DetectorError: the net failed; the sentence begins with ``name``.
        """

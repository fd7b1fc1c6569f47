"""A decoder that was asked for something: what it answers, and the sentence of a file that stopped it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from triage.errors import Refusal, VideoError
from triage.frames.sandbox import messages
from triage.frames.sandbox.decoders import start
from triage.frames.sandbox.limits import Limits
from triage.frames.sandbox.messages import Heard, Message, NonsenseError
from triage.frames.sandbox.watched import GoneError, Watched, is_about_file, words
from triage.names import shown
from triage.phrases import clock
from triage.records import DECODER_STOPPED

READING = Limits(least_cpu_s=1200, cpu_s_for_mib=480, most_looks=10_000_000)
"""For all pictures or all sound of a file: four times what a scan may take, since pictures have to be made ready too,
and a scan may have left most of them out. Of a recorded screen of ten hours in 20 MB that is 10 ms a picture. As many
pictures as in 92 hours at 30 a second."""


class Asked(Watched):
    """A decoder that answers until it has said all."""

    @property
    def limits(self) -> Limits:
        return self._limits

    def ask(self, message: Mapping[str, Any], handle: int, places: int) -> None:
        """Say what is wanted, and where to put it.

        Args:
            handle: of the memory that is shared.
            places: how many pieces lie in it.
        """
        self._send(lambda channel: channel.sendall(messages.said(message)))
        self.lend(handle)
        for place in range(places):
            self.offer(place)

    def answer(self, *kinds: str, has_begun: bool, on_sign: Callable[[Heard], None] = lambda _: None) -> Heard:
        """Its next message of one of these kinds, past signs that it goes on.

        Args:
            has_begun: something came before.
            on_sign: told each of those signs.

        Raises:
            VideoError: there is nothing in the file, or it cannot be read any further.
            NonsenseError, GoneError: as ``hear``.
        """
        while True:
            heard = self.hear()
            if heard.kind in kinds:
                return heard
            if heard.kind == "full":
                raise GoneError("it asked for more memory than it may have")
            if heard.kind == "failed":
                raise GoneError(f"it failed ({shown(heard.text('how', 200))})")
            if heard.kind == "refused":
                refusal = messages.heard_refusal(heard)
                if has_begun and refusal.kind is not Refusal.NOT_OPENED:
                    raise NonsenseError("a refusal in the middle")
                raise refusal
            if heard.kind != "sign":
                raise NonsenseError(f"a message called {heard.kind!r} in the wrong place")
            on_sign(heard)


@contextmanager
def asked(file: BinaryIO, request: Message, limits: Limits) -> Iterator[Asked]:
    """A decoder that is asked for this, and ended with the block."""
    cpu_s = limits.cpu_s(os.fstat(file.fileno()).st_size)
    decoder = Asked(start(file, {**request, "memory_bytes": limits.memory_bytes, "cpu_s": cpu_s}), limits, cpu_s)
    try:
        yield decoder
    finally:
        decoder.end()


@contextmanager
def stopping(decoder: Asked, reached_ms: list[int]) -> Iterator[None]:
    """What ends a decoder early becomes the sentence of its file.

    Args:
        reached_ms: when the last of what came is shown or heard; empty, if nothing came.

    Raises:
        VideoError: it was ended.
    """
    try:
        yield
    except (GoneError, NonsenseError) as error:
        decoder.end()
        at = f"at {clock(reached_ms[-1])}" if reached_ms else "at its beginning"
        if not is_about_file(error):
            raise VideoError(
                Refusal.NOT_OPENED, f"its decoder did not get through; {at} of the video {words(error)}"
            ) from error
        raise VideoError(Refusal.UNREADABLE, f"{DECODER_STOPPED} {at}: {words(error)}") from error

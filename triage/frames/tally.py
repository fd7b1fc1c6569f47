"""What is counted while a video is decoded, and the sentences it comes to."""

from __future__ import annotations

from dataclasses import dataclass, field

from triage.phrases import clock, counted
from triage.records import OUT_OF_MEMORY, Coverage

STREAM_TOLERANCE_MS = 100
"""A claim for the pictures themselves is met up to this, or two pictures if they are longer: containers round times
(Matroska to 1 ms, AVI to one picture), and many do not store how long the last picture stays."""
CONTAINER_TOLERANCE_MS = 1000
"""A claim for the whole file is for its longest stream, which may be the sound, and sound often ends a little later."""


@dataclass(frozen=True, slots=True)
class Claim:
    """How long a header says that the pictures go on, from the start of the presentation."""

    end_ms: int
    is_for_pictures: bool
    """False: it is for the file as a whole."""


@dataclass(slots=True)
class Tally:
    """Counts of one pass over a video. Grows by counts and at most a few sentences, whatever the length."""

    claim: Claim | None
    has_end_mark: bool = False
    """The file ends with the mark that files of its kind end with."""
    remarks: list[str] = field(default_factory=list)
    """What was found before any picture: encryption, missing bytes."""
    packets: int = 0
    """Coded pieces of the stream that the file delivered, about one for each picture, decoded or passed over."""
    decoded: int = 0
    skipped_packets: int = 0
    """Pieces that the decoder refused, or that the file could not deliver in its middle."""
    short_of_memory: int = 0
    """Pieces of those that more memory was asked for than a decoder may have: they may be whole."""
    damaged_pictures: int = 0
    """Pictures shown with parts made up by the decoder."""
    first_damage_ms: int | None = None
    end_error: str | None = None
    """Why reading stopped before the end of the file, if it did."""
    false_times: int = 0
    """Pictures whose time in the file cannot be true."""
    shrunk_pictures: int = 0
    """Pictures larger than the first, scaled down to its size."""
    sampled: int = 0
    near_identical: int = 0
    reached_ms: int = 0

    def refused(self, time_ms: int, error: Exception) -> None:
        """One more piece that the decoder refused."""
        self.skipped_packets += 1
        self.short_of_memory += isinstance(error, MemoryError)
        self.damage(time_ms)

    def damage(self, time_ms: int) -> None:
        """Remember where damage was met first."""
        if self.first_damage_ms is None:
            self.first_damage_ms = time_ms

    def short_ms(self) -> int:
        """How much of the claim is missing at the end, if it is more than rounding explains."""
        if self.claim is None:
            return 0
        # Of the packets, not of the pictures decoded: of those there are fewer where only key pictures are asked for.
        least = STREAM_TOLERANCE_MS if self.claim.is_for_pictures else CONTAINER_TOLERANCE_MS
        tolerance_ms = max(least, 2 * self.reached_ms // self.packets if self.packets > 1 else 0)
        missing_ms = self.claim.end_ms - self.reached_ms
        return missing_ms if missing_ms > tolerance_ms else 0

    def coverage(self, step_ms: int) -> Coverage:
        """The record, with a sentence for each thing that is less than the whole."""
        why = list(self.remarks)
        short_ms = self.short_ms()
        if short_ms and self.claim:
            why.append(f"it ends at {clock(self.reached_ms)} of {clock(self.claim.end_ms)} that its header claims")
        if self.end_error:
            why.append(f"reading stopped at {clock(self.reached_ms)}: {self.end_error}")
        undecoded = self.skipped_packets + self.damaged_pictures
        if undecoded:
            since = f", the first near {clock(self.first_damage_ms)}" if self.first_damage_ms is not None else ""
            parts = []
            if self.skipped_packets:
                parts.append(f"{counted(self.skipped_packets, 'piece', 'pieces')} could not be decoded")
            if self.damaged_pictures:
                were = counted(self.damaged_pictures, "picture was", "pictures were")
                parts.append(f"{were} decoded with errors and may show false content")
            # What follows on a piece that was too large is damaged by that alone.
            what = f"{self.short_of_memory} of its pieces {OUT_OF_MEMORY}" if self.short_of_memory else "it is damaged"
            why.append(f"{what}: {' and '.join(parts)}{since}")
        if self.false_times:
            were = counted(self.false_times, "picture has", "pictures have")
            why.append(f"{were} a time in the file that cannot be true, and were taken as coming right after the last")
        if self.shrunk_pictures:
            larger = counted(self.shrunk_pictures, "picture", "pictures")
            why.append(f"{larger} larger than the first were scaled down to its size")
        return Coverage(
            claimed_ms=self.claim.end_ms if self.claim else None,
            reached_ms=self.reached_ms,
            step_ms=step_ms,
            sampled=self.sampled,
            near_identical=self.near_identical,
            undecoded=undecoded,
            why=tuple(why),
            short_ms=short_ms,
            has_end_mark=self.has_end_mark,
        )

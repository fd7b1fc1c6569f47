"""What the desk says instead of a page."""

from __future__ import annotations

from triage.errors import UsageError


class DeskError(UsageError):
    """A browser asked for something that it cannot have as asked; the sentence is shown on a page."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        """Of the answer, as HTTP numbers them."""

"""Every way of saying no.

::

    TriageError                     all of ours; its text is a sentence for the person at the screen
    ├── UsageError                  asked wrongly: an option, a path, a name
    │   ├── SettingsError           a settings file or value that cannot be meant
    │   └── PolicyError             a policy file whose rules cannot be read
    ├── WeightsError                a weights file is absent, changed, or has no card
    ├── VideoError                  this file cannot be examined; the others can (see ``kind``)
    ├── DetectorError               a model failed on these frames
    ├── RedactionError              no safe copy of this video could be made; of the others it can
    ├── MatchIndexError             an index or a bank cannot answer: damaged, or of another model
    └── CaseError                   the case folder cannot be used as it is
        ├── CaseFullError           there is no room left to write in
        ├── DecisionConflict        somebody decided the same meanwhile; look at it and decide again
        └── ReportError             one stored report is damaged; a scan makes it anew

A ``VideoError`` or a ``RedactionError`` becomes a row of its own, a ``DetectorError`` a fault beside what else was
found. The others stop the command: the command line prints the sentence and leaves with the exit code of the class.
"""

from __future__ import annotations

from enum import StrEnum


class TriageError(Exception):
    """A sentence for the person at the screen: what was met, what was wanted, what to do."""

    exit_code = 1


class UsageError(TriageError):
    """The command was asked for something it cannot do as asked."""

    exit_code = 2


class SettingsError(UsageError):
    """A settings file, a key or a value that cannot be meant."""


class PolicyError(UsageError):
    """A policy file whose rules cannot be read."""


class WeightsError(TriageError):
    """A weights file is absent, is not the one the manifest names, or has no card."""

    exit_code = 3


class Refusal(StrEnum):
    """Why a file has no pictures to look at. Each is the ``rule`` of that file's only reason."""

    EMPTY = "empty_file"
    NOT_MEDIA = "not_media"
    ARCHIVE = "archive"
    """It may hold videos; nobody looked inside."""
    NO_VIDEO = "no_video_stream"
    ENCRYPTED = "encrypted"
    UNREADABLE = "unreadable"
    """It is media, and no picture could be decoded from it."""
    NOT_OPENED = "not_opened"
    """The system did not let us read it: permission, a read error, a file gone since. Tried again at every scan."""


class VideoError(TriageError):
    """This file cannot be examined; the others can."""

    def __init__(self, kind: Refusal, why: str) -> None:
        super().__init__(why)
        self.kind = kind
        self.why = why


class DetectorError(TriageError):
    """A model failed on these frames."""


class RedactionError(TriageError):
    """No safe copy of this video could be made; nothing stands under its name."""


class MatchIndexError(TriageError):
    """An index or a bank cannot answer: it is damaged, or made by another model than the one that asks."""

    exit_code = 3


class CaseError(TriageError):
    """The case folder cannot be used as it is."""

    exit_code = 2


class CaseFullError(CaseError):
    """There is no room left to write in."""

    exit_code = 1


class DecisionConflict(CaseError):  # noqa: N818  it is told to a person, who did nothing wrong
    """Somebody decided about the same while the author was still looking at what was decided before."""

    exit_code = 1

    def __init__(self, number: int, author: str, at: str, why: str) -> None:
        super().__init__(why)
        self.number = number
        """Of the newer decision."""
        self.author = author
        self.at = at
        """In UTC: ``2026-11-23T13:05:00Z``."""


class ReportError(CaseError):
    """One stored report is damaged; a scan makes it anew."""

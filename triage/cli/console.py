"""What the commands share: results to stdout, everything else to stderr, errors as sentences with an exit code."""

from __future__ import annotations

import errno
import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from triage.errors import TriageError
from triage.names import shown

Arguments = ParamSpec("Arguments")

SOME_FAILED = 1
INTERRUPTED = 130


def sentences(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """Say our errors as sentences on stderr and leave with their exit code; foreign errors are bugs and pass."""

    @functools.wraps(command)
    def spoken(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        for stream in (sys.stdout, sys.stderr):
            # A file name may hold bytes that are no text; printing it must not be what stops a scan.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        try:
            command(*args, **kwargs)
        except TriageError as error:
            say(f"triage: {error}")
            raise typer.Exit(error.exit_code) from None
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            say("triage: there is no room left where the output goes; free some space and run the same command again")
            raise typer.Exit(SOME_FAILED) from None
        except KeyboardInterrupt:
            say("triage: stopped")
            raise typer.Exit(INTERRUPTED) from None

    return spoken


def tell(text: str = "") -> None:
    """A line of the result, to stdout. Names in it may be hostile: nothing in it commands the terminal."""
    typer.echo(shown(text))


def say(text: str) -> None:
    """A line about the work, to stderr, as harmless as ``tell``'s."""
    typer.echo(shown(text), err=True)

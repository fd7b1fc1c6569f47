"""Memory that pictures or sound come through, shared with a decoder, which cannot make it smaller."""

from __future__ import annotations

import fcntl
import mmap
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from triage.errors import Refusal, VideoError


@contextmanager
def shared_memory(size: int) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Memory to share, by its handle, and as it is read here; nobody can make it smaller while it is read.

    Raises:
        VideoError: NOT_OPENED, the system has none, or lets nobody have it.
    """
    try:
        handle = _sealed(size) if sys.platform == "linux" else _unnamed(size)
    except OSError as error:
        raise VideoError(
            Refusal.NOT_OPENED, f"no memory could be had to decode it into: {error.strerror or error}"
        ) from error
    try:
        yield handle, np.frombuffer(mmap.mmap(handle, size, prot=mmap.PROT_READ), np.uint8)
    finally:
        os.close(handle)


F_ADD_SEALS, NO_SHRINKING, NO_GROWING, NO_UNSEALING = 1033, 0x2, 0x4, 0x1


def _sealed(size: int) -> int:
    handle = os.memfd_create("pictures", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(handle, size)
        # Else a decoder that was taken over could cut it short, and reading it would end this process.
        fcntl.fcntl(handle, F_ADD_SEALS, NO_SHRINKING | NO_GROWING | NO_UNSEALING)
    except OSError:
        os.close(handle)
        raise
    return handle


def _unnamed(size: int) -> int:
    with tempfile.TemporaryFile() as file:
        file.truncate(size)
        return os.dup(file.fileno())

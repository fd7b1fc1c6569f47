"""Fingerprints as files. Vectors are kept as whole numbers in one byte each; their lengths are 1 again when read."""

from __future__ import annotations

import io
import json
import lzma
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from triage.errors import MatchIndexError
from triage.records import Fingerprint, Vectors

KIND = 1
"""Goes up by one when files are written in another way."""
SUFFIX = ".npz"
DAMAGE = (
    *(ValueError, KeyError, TypeError, AttributeError, IndexError, OSError, EOFError, MemoryError, OverflowError),
    *(SyntaxError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, tokenize.TokenError),
)
"""What numpy and what is below it raise over files that are not what numpy wrote."""
_ARRAYS = {
    "times_ms": np.int64,
    "until_ms": np.int64,
    "background": np.float16,
    "hashes": np.uint8,
    "qualities": np.uint8,
    "borders": np.float16,
    "is_comparable": np.bool_,
    "is_grey": np.bool_,
}
_AS_READ = {"background": np.float32, "borders": np.float32}
MOST_BYTES = 2**31
"""Of all that one holds, unpacked: 250,000 pictures, as many as a scan looks at, have a quarter."""


def dump_fingerprint(fingerprint: Fingerprint) -> bytes:
    """The file's bytes; the same fingerprint is the same bytes."""
    head = {
        "kind": KIND,
        "video": fingerprint.video,
        "model": fingerprint.model,
        "length_ms": fingerprint.length_ms,
    }
    arrays = {name: getattr(fingerprint, name).astype(kind) for name, kind in _ARRAYS.items()}
    file = io.BytesIO()
    np.savez_compressed(
        file,
        head=np.frombuffer(json.dumps(head, sort_keys=True).encode(), np.uint8),
        vectors=_quantised(fingerprint.vectors),
        **arrays,
    )
    return file.getvalue()


def load_fingerprint(data: bytes, where: Path) -> Fingerprint:
    """The fingerprint in these bytes.

    Args:
        where: they are from, for the sentence.

    Raises:
        MatchIndexError: they are damaged, or a newer version wrote them.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            if sum(part.file_size for part in stored.zip.infolist()) > MOST_BYTES:
                raise ValueError("it would unpack to more than any fingerprint has")
            head: dict[str, Any] = json.loads(stored["head"].tobytes())
            if head["kind"] <= KIND:
                read: dict[str, Any] = {name: _array(stored, name, kind) for name, kind in _ARRAYS.items()}
                read |= {name: read[name].astype(kind) for name, kind in _AS_READ.items()}
                vectors = _of_unit_length(_array(stored, "vectors", np.int8))
                return Fingerprint(**_names(head), vectors=vectors, **read)
    except DAMAGE as error:
        raise MatchIndexError(f"{where}: this fingerprint is damaged; scan or add its video again") from error
    raise MatchIndexError(f"{where}: written by a newer version of triage (kind {head['kind']}); update triage")


def _array(stored: Any, name: str, kind: type[np.generic]) -> npt.NDArray[Any]:  # noqa: ANN401  an open .npz
    """One array, of the kind that it was written in.

    Raises:
        ValueError: it is of another, or not of numbers that can be reckoned with.
    """
    found: npt.NDArray[Any] = stored[name]
    if found.dtype != kind or not np.isfinite(found).all():
        raise ValueError(f"{name} is not what was written")
    return found


def _names(head: dict[str, Any]) -> dict[str, Any]:
    video, model, length_ms = head["video"], head["model"], head["length_ms"]
    if not isinstance(video, str) or not isinstance(model, str) or type(length_ms) is not int or length_ms < 0:
        raise ValueError("a fingerprint says of which video and model it is, and how long that is")
    return {"video": video, "model": model, "length_ms": length_ms}


def _quantised(vectors: Vectors) -> npt.NDArray[np.int8]:
    largest = np.abs(vectors).max(axis=-1, keepdims=True, initial=1e-9)
    return np.asarray(np.rint(vectors / largest * 127), np.int8)


def _of_unit_length(vectors: npt.NDArray[np.int8]) -> Vectors:
    real = vectors.astype(np.float32)
    return np.asarray(real / np.maximum(np.linalg.norm(real, axis=-1, keepdims=True), 1e-9), np.float32)

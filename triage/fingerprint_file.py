"""Fingerprints as files. Vectors are kept as whole numbers in one byte each; their lengths are 1 again when read."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from triage.errors import MatchIndexError
from triage.records import Fingerprint, Vectors

KIND = 1
"""Goes up by one when files are written in another way."""
SUFFIX = ".npz"
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
            head: dict[str, Any] = json.loads(stored["head"].tobytes())
            if head["kind"] <= KIND:
                read = {name: stored[name].astype(_AS_READ.get(name, kind)) for name, kind in _ARRAYS.items()}
                names = {name: head[name] for name in ("video", "model", "length_ms")}
                return Fingerprint(**names, vectors=_of_unit_length(stored["vectors"]), **read)
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise MatchIndexError(f"{where}: this fingerprint is damaged; scan or add its video again") from error
    raise MatchIndexError(f"{where}: written by a newer version of triage (kind {head['kind']}); update triage")


def _quantised(vectors: Vectors) -> npt.NDArray[np.int8]:
    largest = np.abs(vectors).max(axis=-1, keepdims=True, initial=1e-9)
    return np.asarray(np.rint(vectors / largest * 127), np.int8)


def _of_unit_length(vectors: npt.NDArray[np.int8]) -> Vectors:
    real = vectors.astype(np.float32)
    return np.asarray(real / np.maximum(np.linalg.norm(real, axis=-1, keepdims=True), 1e-9), np.float32)

"""Texts and files as somebody might make them who means harm, or as a bad disk leaves them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from triage.errors import TriageError
from triage.names import shown

STEADY = settings(
    deadline=None,
    database=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
"""Many examples, and fixtures of one test that serve all of them."""

NUMBERS = (
    "0",
    "-0",
    "-1",
    "1e999",
    "-1e999",
    "NaN",
    "nan",
    "inf",
    "1" * 5000,
    "1e-999",
    "9" * 19,
    "0x7f",
    "1_0",
    "true",
)
TOKENS: Sequence[bytes] = (
    *(number.encode() for number in NUMBERS),
    *(b"[" * 3000, b"{" * 3000, b'{"a":' * 3000, b"]", b"}", b"null", b'""', b"[]", b"{}", b'"', b"'", b"\\", b"="),
    *(
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\x1b[2J",
        b"\xe2\x80\xae",
        b"\xed\xa0\x80",
        b"\\ud800",
        b"\r\n",
        b"\n",
    ),
    *(b"../../etc/passwd", b"/dev/zero", b"%s%n", b"a" * 70_000),
)
"""What readers have stumbled over elsewhere."""

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(
        [0, -1, 2**31, 2**63, 10**400, "", "\0", "\ud800", "a" * 10_000, float("nan"), float("inf"), 1e308]
    )
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
"""Values of any kind that JSON or TOML may have."""


@st.composite
def spoiled(draw: st.DrawFn, whole: Sequence[bytes]) -> bytes:
    """One of these, with some of its bytes turned, taken out, doubled, or replaced by what readers stumble over."""
    data = bytearray(draw(st.sampled_from(whole)))
    for _ in range(draw(st.integers(1, 3))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        size = draw(st.sampled_from([1, 2, 4, 8, 64, 600]))
        match draw(st.integers(0, 6)):
            case 0 | 1:
                data[at] ^= 1 << draw(st.integers(0, 7))
            case 2:
                del data[at:]
            case 3:
                del data[at : at + size]
            case 4:
                data[at:at] = data[at : at + size]
            case 5:
                data[at : at + size] = draw(st.sampled_from(TOKENS))
            case 6:
                data = _with_word_replaced(draw, bytes(data))
    return bytes(data)


def _with_word_replaced(draw: st.DrawFn, data: bytes) -> bytearray:
    """A number, word or quoted text of it is another."""
    words = list(re.finditer(rb'"[^"\n]*"|-?[0-9.]+|\w+', data))
    if not words:
        return bytearray(data)
    word = draw(st.sampled_from(words))
    return bytearray(data[: word.start()] + draw(st.sampled_from(TOKENS)) + data[word.end() :])


@st.composite
def replaced(draw: st.DrawFn, whole: Any) -> Any:
    """The same JSON value with one part of it, however deep, of any kind, or gone."""
    path = draw(st.sampled_from(list(_paths(whole))))
    return _with(whole, path, draw(st.one_of(anything, st.just(GONE))))


GONE = object()


def _paths(value: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = [()]
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        found += [(key, *path) for path in _paths(part)]
    return found


def _with(value: Any, path: tuple[Any, ...], part: Any) -> Any:
    if not path:
        return None if part is GONE else part
    first, rest = path[0], path[1:]
    parts = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    kept = [(key, each if key != first else _with(each, rest, part)) for key, each in parts]
    if part is GONE and not rest:
        kept = [(key, each) for key, each in kept if key != first]
    return dict(kept) if isinstance(value, dict) else [each for _, each in kept]


def sentence(error: TriageError) -> str:
    """What an error says, if it is something to be said to a person."""
    text = str(error)
    assert 10 < len(text) < 2000, text[:200]
    assert "Exceeds the limit" not in text
    assert shown(text).isprintable()
    return text

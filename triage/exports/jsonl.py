"""One JSON object a line, one line a video (or a file that could not be read), the most urgent first."""

from __future__ import annotations

import json
from collections.abc import Iterator

from triage.exports.contents import Contents


def jsonl(contents: Contents) -> Iterator[str]:
    """The rows as lines, in ASCII: a file name may hold bytes that are no text, and every reader must survive them."""
    for row in contents.rows:
        yield json.dumps(row, ensure_ascii=True) + "\n"

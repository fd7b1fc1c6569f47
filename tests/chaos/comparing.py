"""What a case holds in the end, held against one that nobody disturbed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from triage.case import checking
from triage.case.hashes import files
from triage.case.store import open_case
from triage.run.standing import Standing, standing


@dataclass(frozen=True)
class Held:
    """What is in a case."""

    files: Mapping[str, bytes]
    """Reports and fingerprints, by name."""
    rows: tuple[Mapping[str, Any], ...]
    stands: Standing
    wrong: tuple[str, ...]
    """What ``triage verify`` calls wrong."""
    left_over: tuple[str, ...]
    """Files that somebody had begun to write."""


def held(case: Path, dump: Path) -> Held:
    """What is in this case; paths in the dump count from there."""
    with open_case(case) as opened:
        rows = tuple(_from(dump, row) for row in opened.rows())
        stands = replace(standing(opened), left_s=None)
        remarks = [*checking.check_log(opened)[1], *checking.check_catalogue(opened)]
        remarks += checking.check_reports(opened, files(case))
    kept = [file for folder in ("reports", "fingerprints") for file in sorted((case / folder).rglob("*"))]
    return Held(
        files={file.name: file.read_bytes() for file in kept if file.is_file()},
        rows=rows,
        stands=stands,
        wrong=tuple(f"{one.part} {one.where}: {one.why}" for one in remarks if one.is_wrong),
        left_over=tuple(file.name for file in kept if file.suffix not in {"", ".json", ".npz"}),
    )


def _from(dump: Path, row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row, with paths as they are in the dump; where bytes lay once is no part of it."""
    return json.loads(json.dumps({**row, "video": {**row["video"], "past_paths": []}}).replace(f"{dump}/", ""))  # type: ignore[no-any-return]


def not_done(whole: Held, case: Path) -> int:
    """How many reports of an undisturbed scan are not in this case, or are there otherwise."""
    there = {file.name: file.read_bytes() for file in (case / "reports").rglob("*.json")}
    wanted = {name: data for name, data in whole.files.items() if name.endswith(".json")}
    return sum(there.get(name) != data for name, data in wanted.items())


def differences(whole: Held, met: Held) -> Iterator[str]:
    """In which ways ``met`` is not what it would have been undisturbed."""
    for name in sorted(whole.files.keys() | met.files.keys()):
        if name not in met.files:
            yield f"{name} is missing"
        elif name not in whole.files:
            yield f"{name} should not be there: {met.files[name][:300]!r}"
        elif met.files[name] != whole.files[name]:
            yield f"{name} is another: {met.files[name][:800]!r}, not {whole.files[name][:800]!r}"
    rows = {row["video"]["path"]: row for row in met.rows}
    for wanted in whole.rows:
        got = rows.get(wanted["video"]["path"], {})
        for key in wanted:
            if wanted[key] != got.get(key):
                is_, was = str(got.get(key))[:400], str(wanted[key])[:400]
                yield f"row of {wanted['video']['path']}: {key} is {is_}, not {was}"
    if [row["video"]["path"] for row in whole.rows] != [*rows]:
        yield f"the order of the rows is another, or there are not as many: {len(met.rows)}, not {len(whole.rows)}"
    if whole.stands != met.stands:
        yield f"status says {met.stands}, not {whole.stands}"
    yield from (f"verify: {why}" for why in met.wrong)
    yield from (f"left over: {name}" for name in met.left_over)

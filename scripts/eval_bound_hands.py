# SPDX-License-Identifier: AGPL-3.0-or-later
"""Count how often possible bound hands are reported, and how often nothing can be told, in clips where nobody is bound.

The program itself looks, with the weights at hand and any settings, so this measures the detector of people, the
keypoints, the tracks and the estimate together. What it finds of bound people is not measured: there are no clips.

    python scripts/eval_bound_hands.py                        # the clips with people in the team's folder
    python scripts/eval_bound_hands.py --clips FOLDER -s sampling.step_ms=200
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from eval_objects import DATA
from eval_wrists import clips

from triage.durable import sha256_of
from triage.errors import VideoError
from triage.pipeline import Stages, examine, make_stages
from triage.records import Label, Report
from triage.settings import load_settings

ANSWERS = (Label.BOUND_HANDS, Label.HANDS_UNKNOWN)


def people(report: Report, least_ms: int) -> int:
    """Tracks of people that last at least so long."""
    return sum(track.label is Label.PERSON and track.end_ms - track.start_ms >= least_ms for track in report.tracks)


def measure(files: list[Path], stages: Stages) -> None:
    """Print what is said of the people in each clip, and the rates over all."""
    total: Counter[str] = Counter()
    for file in files:
        try:
            report = examine(file, sha256_of(file), stages)
        except VideoError as error:
            print(f"{file.name}: {error}")
            continue
        if not isinstance(report, Report):
            print(f"{file.name}: sealed")
            continue
        said = [track for track in report.tracks if track.label in ANSWERS]
        counts = Counter(track.label.value for track in said)
        total.update(counts)
        total.update({"people": people(report, 0), "people for 1.5 s": people(report, 1500), "clips": 1})
        total.update({"clips with a report": int(Label.BOUND_HANDS in counts)})
        total.update({"ms": report.coverage.reached_ms})
        print(f"{file.name}: {people(report, 0)} people, {dict(counts)}", flush=True)
        for track in said:
            if track.label is Label.BOUND_HANDS and track.estimate is not None:
                print(
                    f"    {track.start_ms} to {track.end_ms} ms, {track.score:.2f}: {'; '.join(track.estimate.clues)}"
                )
    print(f"{total['clips']} clips, {total['ms'] / 60_000:.1f} minutes, {total['people']} tracks of people "
          f"({total['people for 1.5 s']} of 1.5 s or more): {total['bound_hands']} reported as possibly bound in "
          f"{total['clips with a report']} clips, {total['hands_unknown']} cannot be told")  # fmt: skip


def main() -> None:
    """Measure a folder of clips or pictures, or the team's clips."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, help="a folder; by default the team's clips with people")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("-s", "--set", action="append", default=[], help="a setting, as section.key=value")
    options = parser.parse_args()
    files = (
        sorted(path for path in options.clips.rglob("*") if path.is_file()) if options.clips else clips(options.data)
    )
    chosen = load_settings("default", ['detecting.roles=["people", "bound_hands"]', *options.set]).settings
    measure(files, make_stages(chosen))


if __name__ == "__main__":
    main()

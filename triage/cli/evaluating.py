"""``evaluate``: labelled pictures through the program's own eyes, and the table of a card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from triage.case.store import Case, open_case
from triage.cli.bringing import meant_labels
from triage.cli.console import say, tell
from triage.cli.progress import counting
from triage.durable import sha256_of, write_whole
from triage.errors import Refusal, UsageError, VideoError
from triage.evaluation.calibrating import calibrate
from triage.evaluation.figures import alarms, kinds, rows
from triage.evaluation.formats import LabelledSet
from triage.evaluation.labelled import Meaning, decided_on, meaning, read_labelled
from triage.evaluation.looking import LeftOut, Looked, compressed, look_at
from triage.evaluation.models import BOXED, open_model, uncalibrated, weights_for
from triage.evaluation.moments import Originals
from triage.evaluation.table import box_table, left_out_lines, whole_table
from triage.evaluation.whole import Judged, judge_all, whole_rows
from triage.findings.calibration import dump_calibration, read_calibration
from triage.phrases import counted
from triage.pipeline import make_stages
from triage.records import LOOKS, ROLE_NEEDS, Role
from triage.settings import Settings, load_settings
from triage.weights import keep_calibration

Item = TypeVar("Item")
MARK = "<!-- written by triage evaluate -->"
"""First line of a written table, so that a later run may replace it, and nothing else."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was asked for."""

    role: Role
    data: Path
    pictures: Path | None
    case: Path | None
    """Where the videos are found that labels of moments name."""
    weights: str | None
    labels: str
    out: Path | None
    calibrate: bool
    recall: float | None
    settings: str
    overrides: Sequence[str]


def evaluate(asked: Asked) -> int:
    """Measure, print, write; how many pictures were left out.

    Raises:
        UsageError: asked wrongly, or the labels cannot be read.
        WeightsError: the model is unfit.
    """
    if asked.out is not None and not _may_write(asked.out):
        raise UsageError(f"{asked.out}: is there already and is no earlier table; give another name")
    if asked.recall is not None and not asked.calibrate:
        raise UsageError("--recall says how --calibrate chooses the threshold; give both, or neither")
    if asked.role not in LOOKS:
        raise UsageError(f"--role {asked.role}: nothing is looked for in a picture, so labels say nothing of it")
    settings = load_settings(asked.settings, asked.overrides).settings
    labelled = read_labelled(asked.data, asked.pictures)
    has_moments = any(one.moment for one in labelled.pictures)
    if has_moments and asked.case is None:
        raise UsageError(
            f"{asked.data}: its labels are of moments of videos and not of picture files; name the case that knows the "
            "videos, --case CASE, or give the pictures under the names that it lists, --pictures DIR"
        )
    if asked.case is not None and not has_moments:
        raise UsageError(f"--case: {asked.data} names pictures, and no moments of videos that a case would know")
    is_boxed = asked.role in BOXED and labelled.has_boxes
    with _originals(asked.case) as originals:
        lines, left_out = (_boxes if is_boxed else _whole)(asked, labelled, settings, originals)
    lines += ["", *left_out_lines(left_out)] if left_out else []
    for line in lines:
        tell(line)
    if asked.out is not None:
        write_whole(asked.out, "\n".join([MARK, *lines, ""]).encode())
        say(f"written: {asked.out}")
    return len(left_out)


@contextmanager
def _originals(case: Path | None) -> Iterator[Originals | None]:
    """What finds the videos of a case; None without one."""
    if case is None:
        yield None
        return
    with open_case(case) as opened:
        yield partial(_original, opened)


def _original(case: Case, video: str) -> Path:
    """Where these very bytes lie.

    Raises:
        VideoError: they are sealed, or nowhere any more.
    """
    if case.is_sealed(video):
        raise VideoError(Refusal.NOT_OPENED, "it is sealed, so nobody looks at it, this included")
    for path in case.files(video):
        with suppress(OSError):
            if sha256_of(path) == video:
                return path
    raise VideoError(Refusal.NOT_OPENED, "the video is not where this case knows it, or was changed")


def _boxes(
    asked: Asked, labelled: LabelledSet, settings: Settings, originals: Originals | None
) -> tuple[list[str], list[LeftOut]]:
    given = meant_labels(asked.labels)
    weights = weights_for(asked.role, asked.weights, given)
    if asked.calibrate and not weights.yours:
        raise UsageError(
            f"--calibrate: {weights.name} is not a model that you added, so its calibration is not yours to change; "
            "add the file under your name first: triage weights add"
        )
    meant = meaning(labelled, asked.role, given, also=weights.labels)
    labelled = decided_on(labelled, meant)
    if asked.calibrate:
        model = open_model(uncalibrated(weights), [asked.role], settings)
        seen, left_out = _sorted_out(
            _counted(look_at(labelled.pictures, meant, model.detector, originals=originals), labelled)
        )
        found = calibrate([one for one, _ in seen], asked.role, model.answers, asked.recall)
        before = read_calibration(weights.calibration) if weights.calibration else {}
        kept = keep_calibration(weights, dump_calibration({**before, **found}))
        say(f"written: {kept.calibration}; from now on scans read the scores of {kept.name} by it")
        say("The figures below are of the same pictures that the thresholds were chosen on: measure on others as well.")
        weights = kept
    model = open_model(weights, [asked.role], settings)
    found_by = look_at(labelled.pictures, meant, model.detector, compressed, originals)
    seen, left_out = _sorted_out(_counted(found_by, labelled))
    plain, worsened = [one for one, _ in seen], [two for _, two in seen if two is not None]
    told = kinds(asked.role, meant.label_of.values(), model.answers)
    without = [alarm for kind in told[:1] for alarm in alarms(kind, plain, worsened, model.thresholds)]
    table = [row for kind in told for row in rows(kind, plain, worsened, model.thresholds)]
    head = _head(asked, labelled, meant, len(plain), len(left_out))
    runs_on = f"Model: {model.detector.name}, {weights.input_px} px, on {model.detector.runs_on}."
    return [*head, runs_on, "", *box_table(table, without, model.thresholds)], left_out


def _whole(
    asked: Asked, labelled: LabelledSet, settings: Settings, originals: Originals | None
) -> tuple[list[str], list[LeftOut]]:
    if asked.weights is not None or asked.calibrate:
        raise UsageError(
            f"{asked.role} is measured by the whole of a scan, with the models that serve it, so --weights and "
            "--calibrate say nothing here; a model of your own is measured once it is added: triage weights add"
        )
    meant = meaning(labelled, asked.role, meant_labels(asked.labels))
    labelled = decided_on(labelled, meant)
    roles = tuple(role for role in Role if role is asked.role or role in ROLE_NEEDS.get(asked.role, ()))
    stages = make_stages(replace(settings, detecting=replace(settings.detecting, roles=roles)))
    if asked.role not in stages.provenance.looked_for:
        raise UsageError(f"no model at hand looks for {asked.role}; triage weights list says what there is")
    judged: list[Judged] = []
    left_out: list[LeftOut] = []
    for one in _counted(judge_all(labelled.pictures, meant, asked.role, stages, originals), labelled):
        if isinstance(one, LeftOut):
            left_out.append(one)
        else:
            judged.append(one)
    head = _head(asked, labelled, meant, len(judged), len(left_out))
    models = ", ".join(f"{name} on {where}" for name, where in stages.provenance.runs_on.items())
    return [*head, f"Models: {models}.", "", *whole_table(whole_rows(judged, asked.role))], left_out


def _head(asked: Asked, labelled: LabelledSet, meant: Meaning, measured: int, left_out: int) -> list[str]:
    lost = f", {left_out} left out" if left_out else ""
    lines = [f"{asked.role}: {counted(measured, 'picture', 'pictures')} of {asked.data.name} ({labelled.about}){lost}."]
    if meant.label_of:
        lines.append(f"Labels: {', '.join(f'{theirs} = {ours}' for theirs, ours in meant.label_of.items())}.")
    if meant.ignored:
        lines.append(f"Labels that are not about {asked.role}, not counted: {', '.join(meant.ignored)}.")
    if labelled.mind:
        lines.append(labelled.mind)
    return lines


def _sorted_out(
    seen: Iterable[tuple[Looked, Looked | None] | LeftOut],
) -> tuple[list[tuple[Looked, Looked | None]], list[LeftOut]]:
    looked: list[tuple[Looked, Looked | None]] = []
    left_out: list[LeftOut] = []
    for one in seen:
        if isinstance(one, LeftOut):
            left_out.append(one)
        else:
            looked.append(one)
    return looked, left_out


def _counted(found: Iterator[Item], labelled: LabelledSet) -> Iterator[Item]:
    return counting(found, len(labelled.pictures), "picture", "pictures")


def _may_write(out: Path) -> bool:
    """Nothing is there, or an earlier table."""
    if not out.exists():
        return True
    if not out.is_file():
        return False
    with out.open("rb") as file:
        return file.read(len(MARK)) == MARK.encode()

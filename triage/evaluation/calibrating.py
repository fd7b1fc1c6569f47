"""Labelled pictures -> what a model's scores mean, and from which on they should count."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from triage.errors import UsageError
from triage.evaluation.figures import Kind, matches
from triage.evaluation.looking import Looked
from triage.evaluation.metrics import Array, Matches, best_f1, platt, score_for_recall
from triage.findings.calibration import ANY, LEAST_THINGS, Operating
from triage.findings.conditions import Condition
from triage.records import ROLE_LABELS, Label, Role

OWN = (ANY, Condition.NIGHT, Condition.GREY, Condition.SMALL)
"""Daylight is what most pictures are of, and has the figures of all together."""
LEAST_PICTURES = 20
"""Pictures without the thing from which on a condition says for itself what a score means."""


def calibrate(
    seen: Sequence[Looked],
    role: Role,
    answered: Iterable[Label],
    recall: float | None = None,
    prevalence: float | None = None,
) -> Mapping[Label, Mapping[str, Operating]]:
    """How each label that a model answers with should be read; those with too few labelled things are left out.

    Args:
        seen: with scores as the model gave them, down to the lowest.
        answered: labels that the model answers with.
        recall: the threshold is the highest that finds this share of the labelled things; None: that of the best F1.
        prevalence: share of pictures that hold the thing where the scores will be read, if it is another than here:
            what a score means depends on it, a threshold does not. None: as in these pictures.

    Raises:
        UsageError: too little is labelled of any of them, or no score reaches the recall.
    """
    known: dict[Label, Mapping[str, Operating]] = {}
    scarce: list[str] = []
    for label in answered:
        # What the data calls a rifle is a weapon to a model that tells no more; the other way round nobody knows.
        real = ROLE_LABELS[role] if label is Label.WEAPON else frozenset({label})
        kind = Kind(str(label), real, frozenset({label}))
        rows: dict[str, Operating] = {}
        for condition in OWN:
            some = [one for one in seen if condition in {ANY, one.condition}]
            every = [matches(kind, one, one.found) for one in some]
            n = sum(one.labelled for one in every)
            if n >= LEAST_THINGS:
                how = _operating(label, condition, every, recall, prevalence)
                # What a score means needs both kinds of pictures; with few of one, it is better taken from all.
                without = sum(one.labelled == 0 for one in every)
                if rows and (how.platt is None or without < LEAST_PICTURES):
                    how = replace(how, platt=rows[ANY].platt)
                rows[str(condition)] = how
            elif condition == ANY:
                scarce.append(f"{n} {label}")
                break
        if rows:
            known[label] = rows
    if not known:
        raise UsageError(
            f"too little is labelled ({', '.join(scarce)}), at least {LEAST_THINGS} of a kind are wanted: a threshold "
            "from fewer would be luck; label more pictures"
        )
    return known


def _operating(
    label: Label, condition: str, every: Sequence[Matches], recall: float | None, prevalence: float | None
) -> Operating:
    labelled = sum(one.labelled for one in every)
    if recall is None:
        threshold: float | None = best_f1(every)[0] or None
        wish = "any good F1"
    else:
        threshold = score_for_recall(every, recall)
        wish = f"a recall of {recall:g}"
    if threshold is None:
        found = sum(int(one.hits[:, 0].sum()) for one in every)
        where = "" if condition == ANY else f" in {condition} pictures"
        raise UsageError(
            f"no score of {label} reaches {wish}{where}: {found} of {labelled} labelled were found at all; "
            "ask for a lower --recall"
        )
    scores = np.concatenate([one.scores for one in every])
    hits = np.concatenate([one.hits[:, 0] for one in every])
    counts = np.concatenate(
        [np.ones(len(one.scores), bool) if one.counts is None else one.counts[:, 0] for one in every]
    )
    times = np.repeat(_times(every, prevalence), [len(one.scores) for one in every])
    fitted = platt(scores[counts], hits[counts], times[counts])
    return Operating(
        threshold=max(math.floor(threshold * 10_000) / 10_000, 0.0001),
        platt=None if fitted is None else (round(fitted[0], 4), round(fitted[1], 4)),
        n=labelled,
        pictures=len(every),
    )


def _times(every: Sequence[Matches], prevalence: float | None) -> Array:
    """How often each picture counts, so that the share of those with the thing in it becomes this one."""
    has_it = np.array([one.labelled > 0 for one in every])
    share = has_it.mean()
    if prevalence is None or share in {0.0, 1.0}:
        return np.ones(len(every))
    return np.asarray(np.where(has_it, prevalence / share, (1 - prevalence) / (1 - share)))

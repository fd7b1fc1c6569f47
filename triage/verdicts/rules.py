"""Tracks, coverage and faults -> a verdict. Pure: the same evidence gives the same words.

Evidence, gaps and faults may raise urgency; nothing lowers it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from triage.phrases import CONDITION_WORDS, LABEL_PLURALS, LABEL_WORDS, ROLE_WORDS, clock, counted, listing, span
from triage.records import LOOKS, Coverage, Extent, Fault, Label, Queue, Reason, Role, Track, Verdict
from triage.settings import Judging
from triage.verdicts.policy import Policy, Rule
from triage.verdicts.words import Likelihood, likelihood

ORDER = list(Queue)
NOT_LOOKED_FOR = "not_looked_for"
"""The reason that says what no model at hand could see; the same for every video of a scan."""
BESIDES = frozenset({Label.FACE, Label.ADULT, Label.CIVILIAN})
"""What is in a row for other uses and moves no video by itself: no reason is given where no rule asks for it."""
UNTOLD: Mapping[Label, str] = {
    Label.HANDS_UNKNOWN: "whether hands are bound",
    Label.AGE_UNKNOWN: "whether they are minors",
    Label.CLOTHING_UNKNOWN: "what they wear",
}
"""What could not be judged of somebody."""
JOIN_MS = 2000
"""Two firings of one rule that are no further apart are one reason: a queue is read, not a log."""


def judge(
    tracks: Sequence[Track],
    coverage: Coverage,
    faults: Sequence[Fault],
    looked_for: Sequence[Role],
    *,
    conditions: Mapping[str, int] = MappingProxyType({}),
    policy: Policy,
    settings: Judging,
) -> Verdict:
    """Where a video waits and why, the most urgent reason first.

    Args:
        conditions: pictures by condition (night, grey, small), where thresholds of their own were used.
    """
    weighted = [(rule, float(len(policy.rules) - place)) for place, rule in enumerate(policy.rules)]
    firings = [firing for rule, weight in weighted for firing in _fired(rule, weight, tracks, settings)]
    reasons = [
        *(firing.reason for firing in firings if not any(_says(other, firing) for other in firings)),
        *_without_rule(tracks, policy, settings),
        *_untold(tracks),
        *_not_wholly_seen(coverage, faults, policy),
        *_looked(coverage, faults, looked_for, conditions),
    ]
    ordered = sorted(reasons, key=lambda reason: (ORDER.index(reason.queue), -reason.weight, reason.start_ms or 0))
    return Verdict(ordered[0].queue, tuple(ordered))


@dataclass(frozen=True, slots=True)
class _Firing:
    """A rule that holds for a stretch of time."""

    rule: Rule
    word: Likelihood
    reason: Reason


def _says(other: _Firing, firing: _Firing) -> bool:
    """Whether ``other`` says all that ``firing`` says: more of the same, as urgently, as surely, for as long.

    A weapon beside two people is also a weapon beside a person, and a weapon; saying it once is easier to read.
    """
    theirs, ours = Counter(other.rule.together), Counter(firing.rule.together)
    starts = (other.reason.start_ms or 0) <= (firing.reason.start_ms or 0)
    ends = (other.reason.end_ms or 0) >= (firing.reason.end_ms or 0)
    return (
        theirs > ours
        and other.rule.together[0] == firing.rule.together[0]
        and ORDER.index(other.rule.queue) <= ORDER.index(firing.rule.queue)
        and other.reason.weight >= firing.reason.weight
        and other.word.rank >= firing.word.rank
        and starts
        and ends
    )


def _fired(rule: Rule, weight: float, tracks: Sequence[Track], settings: Judging) -> Iterator[_Firing]:
    """One firing for each stretch of time in which the rule holds."""
    sure = {id(track): likelihood(track, settings) for track in tracks}
    strong = [track for track in tracks if sure[id(track)].rank >= rule.at_least.rank]
    asked = frozenset[Label]().union(*rule.together[1:])
    partners = sorted((track for track in strong if track.label in asked), key=lambda track: -track.score)
    firings = []
    for first in (track for track in strong if track.label in rule.together[0]):
        near = [track for track in partners if track is not first and _apart_ms(first, track) <= rule.within_ms]
        found = [_surest(rule.together[1:], scene) for scene in _scenes(rule, first, near)]
        firings += [(first, *others) for others in found if others is not None]
    for stretch in _stretches(firings):
        every = list(dict.fromkeys(track for firing in stretch for track in firing))
        firsts = [firing[0] for firing in stretch]
        start_ms, end_ms = min(track.start_ms for track in firsts), max(track.end_ms for track in firsts)
        # What is said is as sure as the best firing, and a firing is as sure as its least sure part. The weight takes
        # the best score by itself: a further sight, surer in words but of a lower score, must not push it down.
        best = max(stretch, key=lambda firing: min(sure[id(track)].rank for track in firing))
        word = min((sure[id(track)] for track in best), key=lambda word: word.rank)
        score = max(min(track.score for track in firing) for firing in stretch)
        reason = Reason(
            rule=rule.name,
            words=f"{_named(rule, every, word)}, {span(start_ms, end_ms)}",
            queue=rule.queue,
            start_ms=start_ms,
            end_ms=end_ms,
            weight=round(weight + min(score, 0.9999), 4),
        )
        yield _Firing(rule, word, reason)


def _scenes(rule: Rule, first: Track, near: Sequence[Track]) -> Iterator[list[Track]]:
    """The tracks among which the rule may choose, once for each company of things that it asks for more than once.

    Two tracks of one label are two things only where both are there at once; one after the other they may be the same
    person, lost and found again.
    """
    several = frozenset[Label]().union(*(group for group in rule.together if rule.together.count(group) > 1))
    counting = [track for track in near if track.label in several]
    others = [track for track in near if track.label not in several]
    if not several:
        yield others
        return
    if first.label in several:
        counting = [track for track in counting if _apart_ms(first, track) == 0]
    present: list[Track] = []
    for coming in sorted(counting, key=lambda track: track.start_ms):
        stay = [track for track in present if track.end_ms >= coming.start_ms]
        if len(stay) < len(present):  # somebody left: the company was at its largest, those before are in it
            yield sorted([*present, *others], key=lambda track: -track.score)
        present = [*stay, coming]
    yield sorted([*present, *others], key=lambda track: -track.score)


def _surest(groups: Sequence[frozenset[Label]], tracks: Sequence[Track]) -> tuple[Track, ...] | None:
    """A different track for every group, the least sure of them as sure as can be; None if there are not enough.

    Args:
        tracks: the surest first.
    """
    enough = bisect_left(range(len(tracks)), True, key=lambda count: _one_of_each(groups, tracks[:count]) is not None)
    return _one_of_each(groups, tracks[:enough])


def _one_of_each(groups: Sequence[frozenset[Label]], tracks: Sequence[Track]) -> tuple[Track, ...] | None:
    """A different track for every group, the first ones that fit; None if there are not enough."""
    if not groups:
        return ()
    tried: set[Label] = set()  # where one track of a label leaves too little for the others, so does every other of it
    for position, track in enumerate(tracks):
        if track.label in groups[0] and track.label not in tried:
            rest = _one_of_each(groups[1:], [*tracks[:position], *tracks[position + 1 :]])
            if rest is not None:
                return (track, *rest)
            tried.add(track.label)
    return None


def _stretches(firings: Iterable[tuple[Track, ...]]) -> Iterator[list[tuple[Track, ...]]]:
    """Firings whose first things follow each other closely, as one group each."""
    group: list[tuple[Track, ...]] = []
    until_ms = 0
    for firing in sorted(firings, key=lambda firing: firing[0].start_ms):
        if group and firing[0].start_ms > until_ms + JOIN_MS:
            yield group
            group = []
        until_ms = firing[0].end_ms if not group else max(until_ms, firing[0].end_ms)
        group.append(firing)
    if group:
        yield group


def _apart_ms(one: Track, other: Track) -> int:
    """Time between two tracks; 0 where they overlap."""
    return max(0, other.start_ms - one.end_ms, one.start_ms - other.end_ms)


def _named(rule: Rule, tracks: Sequence[Track], word: Likelihood) -> str:
    """``likely weapon beside 2 people or more``: what was seen, one phrase per kind of thing that the rule asks for."""
    phrases = []
    for group in dict.fromkeys(rule.together):
        asked = rule.together.count(group)
        labels = sorted({track.label for track in tracks if track.label in group})
        named = " or ".join((LABEL_PLURALS if asked > 1 else LABEL_WORDS)[label] for label in labels)
        phrases.append(f"{asked} {named} or more" if asked > 1 else named)
    # One person in camouflage and in a vest is two findings in one place, and one sight.
    sights = {
        (finding.time_ms, finding.box)
        for track in tracks
        if track.label in rule.together[0]
        for finding in track.findings
    }
    at_once = Counter(time_ms for time_ms, _ in sights)
    looks = f"seen in {counted(len(at_once), 'picture', 'pictures')}"
    most = f", up to {max(at_once.values())} at once" if max(at_once.values()) > 1 else ""
    surest = max((track for track in tracks if track.label in rule.together[0]), key=lambda track: track.score)
    clues = "".join(f"; {clue}" for clue in surest.estimate.clues) if surest.estimate else ""
    return f"{word} {' beside '.join(phrases)} ({looks}{most}{clues})"


def _without_rule(tracks: Sequence[Track], policy: Policy, settings: Judging) -> Iterator[Reason]:
    """What was found and no rule speaks of: a policy may forget it, a row may not."""
    mentioned = frozenset[Label]().union(*(group for rule in policy.rules for group in rule.together))
    for label in Label:
        found = [track for track in tracks if track.label is label]
        if found and label not in mentioned | BESIDES | set(UNTOLD):
            word = max((likelihood(track, settings) for track in found), key=lambda word: word.rank)
            start_ms, end_ms = min(track.start_ms for track in found), max(track.end_ms for track in found)
            words = f"also found, though no rule of the policy asks for it: {word} {LABEL_WORDS[label]}"
            yield Reason("no_rule", f"{words}, {span(start_ms, end_ms)}", Queue.ROUTINE, start_ms, end_ms)


def _untold(tracks: Sequence[Track]) -> Iterator[Reason]:
    """What was looked at and could not be told; silence would read as "no"."""
    counts = Counter(track.label for track in tracks if track.label in UNTOLD)
    if counts:
        told = [
            f"in {counted(counts[label], 'sighting', 'sightings')} of people {what}"
            for label, what in UNTOLD.items()
            if counts[label]
        ]
        yield Reason("cannot_tell", f"it cannot be told {listing(told)}", Queue.ROUTINE)


def _not_wholly_seen(coverage: Coverage, faults: Sequence[Fault], policy: Policy) -> Iterator[Reason]:
    if coverage.extent is Extent.PARTIAL:
        yield Reason("partial", f"not wholly seen: {'; '.join(coverage.why)}", policy.partial)
    if coverage.extent is Extent.UNKNOWN:
        words = (
            f"its header does not say how long it is; {clock(coverage.reached_ms)} were read to the end of the file, "
            "and whether more is missing cannot be told"
        )
        yield Reason("unknown_extent", words, policy.unknown_extent)
    for fault in faults:
        yield Reason("fault", f"{fault.stage}: {fault.why}", policy.fault, fault.time_ms, fault.time_ms)


def _own(conditions: Mapping[str, int]) -> str:
    """`` (12 dark and 3 grey of them, with thresholds of their own)``."""
    told = [f"{conditions[taken]} {word}" for taken, word in CONDITION_WORDS.items() if conditions.get(taken)]
    return f" ({listing(told)} of them, with thresholds of their own)" if told else ""


def _looked(
    coverage: Coverage, faults: Sequence[Fault], looked_for: Sequence[Role], conditions: Mapping[str, int]
) -> Iterator[Reason]:
    """What the looking amounts to. It is there for every video, and never says that something is not in it."""
    if looked_for:
        same = f", {coverage.near_identical} more were the same as the one before" if coverage.near_identical else ""
        missed = max((fault.pictures for fault in faults), default=0)
        pictures = counted(coverage.sampled - missed, "picture", "pictures")
        words = f"looked for {listing(ROLE_WORDS[role] for role in looked_for)} in {pictures}{_own(conditions)}{same}"
        if missed:
            words += f"; in {counted(missed, 'picture', 'pictures')} not, or not for all of it, since a model failed"
        # A video of which no picture was looked at is as good as not read.
        yield Reason("looked", words, Queue.ROUTINE if coverage.sampled > missed else Queue.PRIORITY)
    missing = [ROLE_WORDS[role] for role in LOOKS if role not in looked_for]
    if missing:
        # With no detector at all nothing was seen, which is as bad as a video that was not wholly read.
        queue = Queue.ROUTINE if looked_for else Queue.PRIORITY
        yield Reason(NOT_LOOKED_FOR, f"nobody looked for {listing(missing)}", queue)

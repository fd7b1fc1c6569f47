#!/usr/bin/env python3
"""People who decide on one case at once and are killed again and again: is any decision lost, or on record twice?

Starts several programs that decide and put lines on record as fast as they can, kills them with SIGKILL at random
moments, and holds what they were told was kept against the catalogue, and the catalogue against the log. Leaves with 1
if a decision that somebody was told of is gone, if one has no line or two, or if what ``triage verify`` tries is wrong.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from triage.case.audit import AuditKind
from triage.case.checking import check_catalogue, check_decisions, check_log
from triage.case.decisions import Act, Judged, Rung
from triage.case.store import Case, open_case

LONGEST_S = 0.8
"""Of work between two kills."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="how often all of them are killed")
    parser.add_argument("--people", type=int, default=3, help="programs at a time")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments")
    parser.add_argument("--decide", nargs=2, metavar=("CASE", "NAME"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.decide:
        decide_on_and_on(Path(asked.decide[0]), asked.decide[1])
    chance, told, wrong, late = random.Random(asked.seed), set[int](), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(asked.rounds):
            told |= a_round(Path(folder), number, asked.people, chance)
            with open_case(Path(folder)) as case:
                remarks = check_log(case)[1] + check_decisions(case)
            wrong += sum(remark.is_wrong for remark in remarks)
            late += sum(not remark.is_wrong for remark in remarks)
        with open_case(Path(folder), make=True) as case:
            lost, unlike = told - {one.number for one in case.decisions.every()}, unlike_the_log(case)
            wrong += len([*check_log(case)[1], *check_decisions(case), *check_catalogue(case)])
            kept = len(case.decisions.every())
    kills = asked.rounds * asked.people
    print(f"{kills} kills; {kept} decisions kept, {len(told)} of them told, {len(lost)} of these lost")
    print(
        f"{late} times something was still to be put on record after a kill; {unlike} without their one line at the end"
    )
    print(f"{wrong} things wrong by triage verify")
    sys.exit(bool(lost or unlike or wrong))


def a_round(case: Path, number: int, people: int, chance: random.Random) -> set[int]:
    """Let them work, and kill them; the numbers of the decisions that they were told are kept."""
    command = [sys.executable, __file__, "--decide", str(case)]
    names = [f"{number}.{person}" for person in range(people)]
    working = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in names]
    told: set[int] = set()
    for program in working:
        assert program.stdout is not None
        program.stdout.readline()  # it is at work
    for program in working:
        time.sleep(chance.uniform(0, LONGEST_S))
        program.send_signal(signal.SIGKILL)
    for program in working:
        assert program.stdout is not None
        told.update(int(line) for line in program.stdout.read().split("\n")[:-1])
        program.wait()
    return told


def decide_on_and_on(folder: Path, name: str) -> None:
    print("at work", flush=True)
    number = 0
    while True:
        number += 1
        with open_case(folder, make=True) as case:
            judged = Judged(name, f"{name}.{number}", Act.CONFIRM, Rung.STRIP)
            print(case.decisions.add(judged, seen=None).number, flush=True)
            case.recorder.put(AuditKind.EXPORT, name, {"number": number})


def unlike_the_log(case: Case) -> int:
    """How many decisions have no line, or more than one."""
    lines = [entry.what["number"] for entry in case.audit.entries() if entry.kind == AuditKind.DECISION]
    return sum(lines.count(one.number) != 1 for one in case.decisions.every())


if __name__ == "__main__":
    main()

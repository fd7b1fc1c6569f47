# SPDX-License-Identifier: AGPL-3.0-or-later
"""How a scan scales: what 1 to 512 processes that look would do, from what each step costs (``bench_costs.py``).

Two ways of dividing the work are simulated, event by event:

- **pool**: one machine with as many cores as processes that look. One thread reads and hashes files, one after the
  other, and keeps what was made of them; each file in hand (one more than processes) has a decoder that is one batch
  ahead; one process hands all pictures out, and what it calculates itself is done by one thread at a time, as Python
  has it; no more pictures wait than have room. Decoders, those that look and the handing out share the cores.
- **cluster**: each worker is a core somewhere, which reads, hashes, decodes, looks at and judges one video after the
  other; one thread elsewhere only keeps the results. What a framework itself costs for each task is not in it, unless
  it is given (``--task-s``).

Files lie on a share that gives so many MB/s altogether. Lengths of videos are drawn from a lognormal distribution,
which is an assumption, as is what a second of footage takes on the disk.

With ``--check`` the simulation is held against the real pool: drawn clips are scanned by 1, 2 and 4 processes whose
model only sleeps, which takes no core from anybody, so that it holds on any machine.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import simpy

from triage.run.crew import AHEAD_BYTES

Step = Generator[simpy.Event, Any, None]
MB = 1_000_000
PICTURE_BYTES = {"360p": 640 * 360 * 3, "720p": 1280 * 720 * 3, "1080p": 1920 * 1080 * 3}
MEDIAN_S, SIGMA = 30.0, 1.2
"""Of the lengths of videos: half are shorter than 30 s, the mean is 62 s, one in a hundred is longer than 8 minutes."""
PART_S = 10.0
"""Of footage, after which a worker of a cluster counts as further."""
WORKERS = (1, 2, 8, 64, 512)


@dataclass(frozen=True)
class Costs:
    """What each step takes, in seconds of one core."""

    hash_s_a_byte: float
    decode_s_a_second: float
    """For each second of footage."""
    pictures_a_second: float
    """Looked at, of footage."""
    look_s: float
    """All models on one picture."""
    out_s: float
    """In the process that hands pictures out, a picture: the handing out, and what it makes of the answers."""
    rest_s: float
    """The same where nothing is handed out: linking, judging, the fingerprint, a picture."""
    keep_cpu_s: float
    keep_s: float
    """Waited for until a video is kept, its calculating included."""
    start_s: float
    """A process with models."""
    bytes_a_second: float
    """Of a file, for each second of footage."""
    picture_bytes: int
    batch: int = 8
    room_bytes: int = AHEAD_BYTES
    """Of pictures that may wait in a pool, those that are being looked at among them."""

    @property
    def core_s_a_second(self) -> float:
        """For each second of footage, wherever the work is done; without keeping."""
        looked = self.pictures_a_second * (self.look_s + self.rest_s)
        return self.bytes_a_second * self.hash_s_a_byte + self.decode_s_a_second + looked

    @property
    def room(self) -> int:
        """The same in batches."""
        return max(1, self.room_bytes // (self.batch * self.picture_bytes))


def costs_of(told: Mapping[str, Any], size: str, bytes_a_second: float) -> Costs:
    """What ``bench_costs.py`` measured, for footage of one size; of several clips the mean."""
    clips = list(told["clips"].values())

    def mean(name: str) -> float:
        return statistics.fmean(float(clip[name]) for clip in clips)

    return Costs(
        hash_s_a_byte=1 / (told["hash_mib_a_second"] * 2**20),
        decode_s_a_second=told["decoding_s_a_second"][size],
        pictures_a_second=mean("pictures_a_second"),
        look_s=mean("looking_s"),
        out_s=told["handing_out"]["s_a_picture"],
        rest_s=mean("rest_s_a_picture"),
        keep_cpu_s=told["keeping"]["cpu_s"],
        keep_s=told["keeping"]["waited_s"],
        start_s=told["starting"]["cpu_s"],
        bytes_a_second=bytes_a_second,
        picture_bytes=PICTURE_BYTES[size],
    )


@dataclass(frozen=True)
class Scanned:
    """What became of a dump in a simulation."""

    footage_s: float
    took_s: float
    full_s: float
    """Until the last file was begun: after that there is less to do than there are workers."""
    footage_until_full_s: float
    """That was looked at by then."""
    busy: Mapping[str, float]
    """Share of the time until then in which each was at work; of several, their mean."""

    @property
    def pace(self) -> float:
        """Seconds of footage a second, while there was enough to do."""
        return self.footage_until_full_s / self.full_s if self.full_s else math.nan

    @property
    def limit(self) -> str:
        """What is at work most of the time."""
        return max(self.busy, key=lambda name: self.busy[name])


class _Busy:
    """Something that so many may use at once, in the order in which they ask; it knows how long it was at work."""

    def __init__(self, env: simpy.Environment, many: int) -> None:
        self._env, self.many = env, many
        self.free = simpy.Resource(env, many)
        self.used_s = 0.0

    def use(self, seconds: float, *others: _Busy) -> Step:
        """So long, together with others that are waited for in turn; what waits for another is not at work."""
        with self.free.request() as turn:
            yield turn
            if others:
                yield from others[0].use(seconds, *others[1:])
            else:
                yield self._env.timeout(seconds)
            self.used_s += seconds

    def share(self, of_s: float) -> float:
        return self.used_s / of_s / self.many if of_s else 0.0


class _Scan:
    """What both ways have in common."""

    def __init__(self, costs: Costs, lengths_s: Sequence[float], workers: int, network_bytes: float) -> None:
        self.env = simpy.Environment()
        self.costs, self.lengths_s, self.workers = costs, lengths_s, workers
        self.cores = _Busy(self.env, workers)
        self.network = _Busy(self.env, 1)
        self.network_bytes = network_bytes
        self.thread_s = 0.0
        """That the one thread was not waiting for others."""
        self.looked_s = 0.0
        """Footage that was looked at."""
        self.kept = 0
        """Videos."""
        self._at_full: Scanned | None = None

    def parts(self) -> dict[str, _Busy]:
        return {"cores": self.cores, "network": self.network}

    def read(self, length_s: float) -> Step:
        """Bring a file's bytes here."""
        if math.isfinite(self.network_bytes):
            yield from self.network.use(length_s * self.costs.bytes_a_second / self.network_bytes)

    def keep(self, *where: _Busy) -> Step:
        """What the one thread does for a video that is done; while it waits for the disk, others go on."""
        yield from where[0].use(self.costs.keep_cpu_s, *where[1:])
        yield self.env.timeout(max(0.0, self.costs.keep_s - self.costs.keep_cpu_s))
        self.kept += 1

    def is_full(self) -> None:
        """Note how things are, now that the last file was begun."""
        now = self.env.now
        busy = {name: part.share(now) for name, part in self.parts().items()}
        busy["the one thread"] = self.thread_s / now if now else 0.0
        self._at_full = Scanned(0, 0, now, self.looked_s, busy)

    def run(self) -> Scanned:
        self.env.run()
        assert self._at_full is not None
        return replace(self._at_full, footage_s=sum(self.lengths_s), took_s=self.env.now)


class PoolScan(_Scan):
    """One machine."""

    def __init__(
        self,
        costs: Costs,
        lengths_s: Sequence[float],
        workers: int,
        network_bytes: float = math.inf,
        cores: int | None = None,
    ) -> None:
        super().__init__(costs, lengths_s, workers, network_bytes)
        self.cores = _Busy(self.env, cores or workers)
        self.lookers = _Busy(self.env, workers)
        self.handing = _Busy(self.env, 1)
        """What one process calculates by itself, one thread at a time."""
        self.room = _Busy(self.env, costs.room)
        self.done = simpy.Store(self.env)
        for _ in range(workers):
            self.env.process(self.lookers.use(costs.start_s, self.cores))
        self.env.process(self._one_thread())

    def parts(self) -> dict[str, _Busy]:
        return {
            **super().parts(),
            "processes that look": self.lookers,
            "handing out": self.handing,
            "room for pictures": self.room,
        }

    def _one_thread(self) -> Step:
        coming, in_hand, left = iter(self.lengths_s), 0, len(self.lengths_s)
        while left or in_hand:
            while left and in_hand < self.workers + 1:
                length_s, left, began = next(coming), left - 1, self.env.now
                yield from self.read(length_s)
                yield from self.cores.use(length_s * self.costs.bytes_a_second * self.costs.hash_s_a_byte)
                self.thread_s += self.env.now - began
                self.env.process(self._video(length_s))
                in_hand += 1
                if not left:
                    self.is_full()
            yield self.done.get()
            in_hand, began = in_hand - 1, self.env.now
            yield from self.keep(self.handing, self.cores)
            self.thread_s += self.env.now - began

    def _video(self, length_s: float) -> Step:
        pictures = max(1, round(length_s * self.costs.pictures_a_second))
        batches = [min(self.costs.batch, pictures - at) for at in range(0, pictures, self.costs.batch)]
        decoded = simpy.Store(self.env, 1)
        self.env.process(self._decode(batches, length_s * self.costs.decode_s_a_second / pictures, decoded))
        looks: list[simpy.Process] = []
        for _ in batches:
            size = yield decoded.get()
            yield from self.handing.use(size * self.costs.out_s, self.cores)
            turn = self.room.free.request()
            yield turn
            looks.append(self.env.process(self._look(size, turn)))
            if len(looks) > 2 * self.workers:
                yield looks.pop(0)
        yield self.env.all_of(looks)
        yield self.done.put(length_s)

    def _decode(self, batches: Sequence[int], seconds: float, decoded: simpy.Store) -> Step:
        for size in batches:
            yield from self.cores.use(size * seconds)
            yield decoded.put(size)

    def _look(self, size: int, turn: Any) -> Step:  # noqa: ANN401  simpy's requests are generic
        began = self.env.now
        yield from self.lookers.use(size * self.costs.look_s, self.cores)
        self.looked_s += size / self.costs.pictures_a_second
        self.room.free.release(turn)
        self.room.used_s += self.env.now - began


class ClusterScan(_Scan):
    """Many machines, a core each."""

    def __init__(
        self,
        costs: Costs,
        lengths_s: Sequence[float],
        workers: int,
        network_bytes: float = math.inf,
        *,
        reads: int = 2,
        task_s: float = 0.0,
    ) -> None:
        """As ``PoolScan``.

        Args:
            reads: how often the bytes of a file cross the network: to be hashed, and to be looked at, where that is
                another machine or the file is too large to be still there.
            task_s: of the one thread, for each video, whatever hands work to machines.
        """
        super().__init__(costs, lengths_s, workers, network_bytes)
        self._reads, self._task_s = reads, task_s
        self._coming = iter(enumerate(lengths_s, 1))
        self._thread = _Busy(self.env, 1)
        for _ in range(workers):
            self.env.process(self._worker())

    def _worker(self) -> Step:
        yield from self.cores.use(self.costs.start_s)
        for number, length_s in self._coming:
            if number == len(self.lengths_s):
                self.is_full()
            for _ in range(self._reads):
                yield from self.read(length_s)
            parts = math.ceil(length_s / PART_S)
            for _ in range(parts):
                yield from self.cores.use(length_s / parts * self.costs.core_s_a_second)
                self.looked_s += length_s / parts
            self.env.process(self._keep())

    def _keep(self) -> Step:
        yield from self._thread.use(self._task_s + self.costs.keep_s)
        self.thread_s = self._thread.used_s
        self.kept += 1


def lengths(count: int, *, median_s: float = MEDIAN_S, sigma: float = SIGMA, seed: int = 0) -> list[float]:
    """Seconds of so many videos."""
    draw = np.random.default_rng(seed)
    return [float(length) for length in draw.lognormal(math.log(median_s), sigma, count)]


def table(kind: type[_Scan], costs: Costs, asked: argparse.Namespace, **more: Any) -> Iterator[str]:  # noqa: ANN401
    """A line for each number of workers."""
    yield "| workers | footage, h | s of footage a second | efficiency | busy most | shares of time |"
    yield "|---|---|---|---|---|---|"
    alone: float | None = None
    for workers in asked.workers:
        drawn = lengths(max(asked.least, asked.each * workers), median_s=asked.median, sigma=asked.sigma)
        scanned = kind(costs, drawn, workers, asked.network * MB, **more).run()
        alone = alone or scanned.pace / workers
        shares = ", ".join(f"{name} {share:.2f}" for name, share in scanned.busy.items())
        yield (
            f"| {workers} | {scanned.footage_s / 3600:.0f} | {scanned.pace:.1f} | {scanned.pace / workers / alone:.2f} "
            f"| {scanned.limit} | {shares} |"
        )


def full_at(costs: Costs, network_bytes: float) -> dict[str, float]:
    """With how many workers each thing that there is once is at work all the time, by dividing what they take."""
    mean_s = MEDIAN_S * math.exp(SIGMA**2 / 2)
    each = costs.core_s_a_second
    return {
        "pool: handing out": each / (costs.pictures_a_second * costs.out_s),
        "pool: the one thread": each
        / (costs.bytes_a_second * (costs.hash_s_a_byte + 1 / network_bytes) + costs.keep_s / mean_s),
        "pool: room for pictures": costs.room * each / (costs.pictures_a_second * costs.look_s),
        "cluster: the one thread": each * mean_s / costs.keep_s,
        "cluster: network, files read twice": each * network_bytes / (2 * costs.bytes_a_second),
    }


CHECK_LENGTHS_S = (4.0, 12.0, 2.0, 36.0, 6.0, 3.0, 20.0, 9.0, 5.0, 15.0)


def check(jobs: Sequence[int]) -> Iterator[str]:
    """Scans with a model that sleeps, against the simulation of them."""
    from tests import media
    from tests.examples import scripted_stages
    from tests.run.test_local import Watched
    from tests.scripts.sleeping import SLEEP_S, sleeps  # of a module, which the processes of the pool can load
    from triage.case.store import open_case
    from triage.run.dump import dump_roots, walk
    from triage.run.local import Hands, Tally, scan
    from triage.run.pool import pool

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "dump").mkdir()
        for number, length_s in enumerate(CHECK_LENGTHS_S):
            media.video(folder / "dump" / f"{number}.mp4", pictures=round(25 * length_s))
        yield "| processes | took, s | simulated, s | off by |\n|---|---|---|---|"
        for processes in jobs:
            case_folder = folder / "case"
            with pool(partial(scripted_stages, sleeps), processes, 1, AHEAD_BYTES) as opened:
                hands = Hands(opened.looking, processes + 1, let_go=opened.kill)
                roots = dump_roots([folder / "dump"])
                took = 0.0
                for _ in range(2):  # once uncounted, since processes are started only as they are needed
                    shutil.rmtree(case_folder, ignore_errors=True)
                    found = list(walk(roots, leave_out=case_folder))
                    with open_case(case_folder, make=True) as case:
                        began = time.perf_counter()
                        scan(case, roots, found, opened.stages, Watched(), Tally(), hands)
                        took = time.perf_counter() - began
                        looks = [row["coverage"]["sampled"] for row in case.rows()]
            costs = replace(_FREE, look_s=SLEEP_S, pictures_a_second=sum(looks) / sum(CHECK_LENGTHS_S))
            simulated = PoolScan(costs, CHECK_LENGTHS_S, processes, cores=1000).run().took_s
            yield f"| {processes} | {took:.1f} | {simulated:.1f} | {took / simulated - 1:+.1%} |"


_FREE = Costs(0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 160 * 120 * 3)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("costs", nargs="?", type=Path, help="JSON of bench_costs.py")
    parser.add_argument("--size", choices=list(PICTURE_BYTES), default="720p", help="of the footage")
    parser.add_argument(
        "--mbit", type=float, default=1.7, help="Mbit for each second of footage; 1.7 is 0.75 GB an hour"
    )
    parser.add_argument("--network", type=float, default=110, help="MB/s of the share; 110 is what a gigabit carries")
    parser.add_argument("--workers", type=int, nargs="+", default=list(WORKERS))
    parser.add_argument("--ways", choices=("pool", "cluster"), nargs="+", default=["pool", "cluster"])
    parser.add_argument("--each", type=int, default=40, help="videos for each worker")
    parser.add_argument("--least", type=int, default=400, help="videos at the least")
    parser.add_argument("--median", type=float, default=MEDIAN_S, help="length of videos, s")
    parser.add_argument("--sigma", type=float, default=SIGMA, help="of the logarithm of their lengths")
    parser.add_argument(
        "--task-s", type=float, default=0.0, help="cluster: of the one thread for each video, beside keeping"
    )
    parser.add_argument("--room", type=int, default=AHEAD_BYTES >> 20, help="pool: MiB of pictures that may wait")
    parser.add_argument("--check", action="store_true", help="hold the simulation against the real pool instead")
    asked = parser.parse_args()
    if asked.check:
        for line in check((1, 2, 4)):
            print(line, flush=True)
        return
    if asked.costs is None:
        raise SystemExit("give the JSON file of bench_costs.py, or --check")
    costs = costs_of(json.loads(asked.costs.read_bytes()), asked.size, asked.mbit * MB / 8)
    costs = replace(costs, room_bytes=asked.room << 20)
    print(f"{asked.size}, {costs.core_s_a_second:.3f} s of a core for each second of footage\n")
    ways: dict[str, tuple[type[_Scan], dict[str, float]]] = {
        "pool": (PoolScan, {}),
        "cluster": (ClusterScan, {"task_s": asked.task_s}),
    }
    for name in asked.ways:
        print(f"\n{name}:\n")
        kind, more = ways[name]
        for line in table(kind, costs, asked, **more):
            print(line, flush=True)
    print("\nat work all the time from so many workers on:\n")
    for what, workers in full_at(costs, asked.network * MB).items():
        print(f"- {what}: {workers:.0f}")


if __name__ == "__main__":
    main()

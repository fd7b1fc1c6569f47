"""Joining a cluster of Ray, or starting one of this machine alone; its processes that look, and what they are.

A cluster of one's own listens at 127.0.0.1 alone, wants a token that nobody else has, keeps its files in a folder that
only this user may enter, and reports to nobody. What a cluster that is joined does in these respects is its owner's
business.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import re
import secrets
import shutil
import socket
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triage.errors import TriageError, UsageError
from triage.pipeline import Stages
from triage.run.cluster.asking import LookerGoneError
from triage.run.cluster.sameness import (
    SEE,
    installed,
    refuse_mixture,
    refuse_other_installation,
    refuse_other_models,
)
from triage.run.crew import AHEAD_BYTES, GIB, LOOKER_BYTES, Plan
from triage.run.looker import MakeStages
from triage.run.pool import pool

if TYPE_CHECKING:
    from triage.run.cluster import nodes

LOAD_S = 600.0
"""In which at least one process has loaded its models."""
OTHERS_S = 120.0
"""In which the others have, once the first has; who has not by then does not take part."""
PROBE_S = 120.0
"""In which a node says what is installed on it."""
STORE_BYTES = 2**28
"""Least memory for what travels within one machine."""
REACH_S = 10.0
"""In which somebody answers at the address of a cluster."""
NOT_INSTALLED = "--on ray: Ray is not installed here; pip install 'triage[ray]'"


@dataclass(frozen=True, slots=True)
class Where:
    """Who works: ``address`` None is a cluster of this machine alone."""

    address: str | None


@dataclass(frozen=True, slots=True)
class Share:
    """What each process that looks is given."""

    lookers: int = 0
    """How many there are; 0: as many as fit."""
    gpu: float = 0.0
    """Share of a graphics card for each; 0: they look on processors."""
    bytes_each: int = LOOKER_BYTES


@dataclass(frozen=True, slots=True)
class Joined:
    """A cluster with processes that look."""

    stages: Stages
    """What their models are; they look elsewhere."""
    lookers: Mapping[Any, str]
    """Handles of the actors, and the node of each."""
    videos: int
    """In hand at once."""
    left_out: int
    """Processes that found no place or did not come in time."""
    begin: Callable[[], tuple[Future[Any], Any]]
    """Start another that looks: what it will say of itself, and its handle."""


def where(text: str) -> Where:
    """What ``--on`` names: ``ray`` or ``ray:ADDRESS``.

    Raises:
        UsageError: it names neither, or Ray is not installed.
    """
    kind, _, address = text.partition(":")
    if kind != "ray" or text.endswith(":"):
        raise UsageError(
            f"--on {text}: wanted is ray, for a cluster of this machine alone, or ray:HOST:PORT, for one that runs "
            "(ray:auto: the one that this machine is part of)"
        )
    if address and address != "auto" and not re.fullmatch(r"[\w.-]+:\d{1,5}|\[[\da-fA-F:]+\]:\d{1,5}", address):
        raise UsageError(
            f"--on {text}: {address} is no address; wanted is HOST:PORT, as ray:10.0.0.1:6379, or ray:auto"
        )
    if importlib.util.find_spec("ray") is None:
        raise UsageError(NOT_INSTALLED)
    return Where(address or None)


@contextmanager
def joined(at: Where, plan: Plan, make: MakeStages, share: Share) -> Iterator[Joined]:
    """A cluster with processes that look, all of them like this machine; left when the block is.

    Args:
        plan: for a cluster of this machine alone.
        make: makes the stages, in each process; it is pickled.

    Raises:
        UsageError: the cluster cannot be reached, or a node has another triage, other settings, or another processor.
        WeightsError: a node has other weights, or the models cannot be had.
        TriageError: no process could be started.
    """
    with _own(plan) if at.address is None else _running(at.address):
        share = replace(share, lookers=plan.jobs) if at.address is None else share
        alive = _alive()
        asked, begin = _ask_nodes(alive), _beginning(make, share)
        lookers = dict(begin() for _ in range(share.lookers or _fitting_all(alive, share)))  # while they load here, too
        with pool(make, 1, plan.threads, AHEAD_BYTES) as alone:  # what they are; gone again
            own = alone.stages
        refuse_other_nodes(asked)
        there = _there_in_time(lookers, own)
        refuse_mixture({f"{told.installed.host} ({told.node[:8]})": told.stages for told in there.values()})
        stages = next(iter(there.values())).stages
        places = {handle: told.node for handle, told in there.items()}
        yield Joined(stages, places, len(there) + len(alive), len(lookers) - len(there), begin)


@contextmanager
def _own(plan: Plan) -> Iterator[None]:
    folder = tempfile.mkdtemp(prefix="triage-")  # only this user may enter it; what Ray is given, it opens to all
    settings = {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # Ray's way to stay at 127.0.0.1, on every system
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    wanted = plan.videos * 2 * AHEAD_BYTES
    options = {
        "num_cpus": plan.jobs,
        "include_dashboard": False,
        "object_store_memory": max(STORE_BYTES, min(wanted, _shared_memory_bytes() // 2)),
        "_temp_dir": str(Path(folder, "ray")),
        "_system_config": {"automatic_object_spilling_enabled": False},  # no picture is written to a disk
    }
    try:
        with _connected("local", settings, "a cluster of this machine could not be started", options):
            yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(address: str) -> Iterator[None]:
    if address != "auto":
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"--on ray:{address}: nothing answers there ({error}); is the cluster running? `ray status` at its "
                f"head says so, and {SEE}"
            ) from error
    why = (
        f"--on ray:{address}: the cluster cannot be joined from this machine, which has to be one of its nodes ({SEE})"
    )
    with _connected(address, {"RAY_USAGE_STATS_ENABLED": "0"}, why, {}):
        yield


@contextmanager
def _connected(address: str, settings: Mapping[str, str], why_not: str, options: Mapping[str, Any]) -> Iterator[None]:
    """This process as the driver of a cluster, with these in its environment and in that of what it starts."""
    quiet = {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1"}
    with _environment({**quiet, **settings}):
        import ray
        from ray._private import worker
        from ray.exceptions import RayError

        # Ray tells every driver of all that goes wrong in a cluster, with pieces of its logs, and has no switch for it.
        worker.print_to_stdstream = _say_nothing
        try:
            with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
                warnings.simplefilter("ignore")
                ray.init(address, namespace=None, log_to_driver=False, logging_level=logging.CRITICAL, **options)
        except (RayError, RuntimeError, OSError, ValueError) as error:
            ray.shutdown()
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UsageError(f"{why_not}: {reason}") from error
        try:
            yield
        finally:
            ray.shutdown()


def _say_nothing(*_: object, **__: object) -> None:
    pass


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _shared_memory_bytes() -> int:
    """Free for what is shared between processes; much where that is no folder."""
    try:
        return shutil.disk_usage("/dev/shm").free  # noqa: S108  only asked for its size
    except OSError:
        return 2**62


def _alive() -> list[dict[str, Any]]:
    import ray

    return [node for node in ray.nodes() if node["Alive"]]


def _ask_nodes(alive: Sequence[Mapping[str, Any]]) -> dict[Future[Any], str]:
    """What every node says is installed there, and which node it is."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from triage.run.cluster import nodes

    asked = {}
    for node in alive:
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        probe = nodes.remotely(nodes.ask_installed, num_cpus=0, max_retries=0, scheduling_strategy=there)
        asked[nodes.answer(probe.remote())] = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
    return asked


def refuse_other_nodes(asked: Mapping[Future[Any], str]) -> None:
    """Refuse a cluster in which a node has something else installed, or does not say what.

    Args:
        asked: what each said, and how to name it. One that had ended before the cluster noticed is not there any more.

    Raises:
        UsageError: one is not like this machine.
    """
    from ray.exceptions import TaskUnschedulableError

    over, late = wait(asked, PROBE_S)
    if late:
        raise UsageError(f"the node {asked[late.pop()]} does not answer; see `ray status`, and {SEE}")
    for answer in over:
        try:
            theirs = answer.result()
        except TaskUnschedulableError:
            continue
        except LookerGoneError as error:
            raise UsageError(f"the node {asked[answer]} ended as it was asked; see `ray status`") from error
        except Exception as error:  # whatever Ray makes of a function that is not there
            raise UsageError(
                f"the node {asked[answer]} cannot run this triage, as where it is not installed; {SEE}"
            ) from error
        refuse_other_installation(installed(), theirs)


def _beginning(make: MakeStages, share: Share) -> Callable[[], tuple[Future[Any], Any]]:
    """What starts a process that looks."""
    from triage.run.cluster import nodes

    given = {"num_cpus": 1, "memory": share.bytes_each, **({"num_gpus": share.gpu} if share.gpu else {})}
    actor = nodes.remotely(nodes.Looker, max_restarts=0, scheduling_strategy="SPREAD", **given)

    def begin() -> tuple[Future[Any], Any]:
        handle = actor.remote(make, 1)
        return nodes.answer(handle.describe.remote()), handle

    return begin


def _there_in_time(lookers: Mapping[Future[Any], Any], own: Stages) -> dict[Any, nodes.Described]:
    """Those that are there in time, by handle; all of them have the models of this machine."""
    from triage.run.cluster import nodes

    there: dict[Any, nodes.Described] = {}
    over = _in_time(lookers)
    for answer, handle in lookers.items():
        if answer not in over or isinstance(answer.exception(), LookerGoneError):
            nodes.end(handle)
        else:
            there[handle] = compared(answer.result(), own)
    if not there:
        raise TriageError(
            "no process that looks at pictures came to be in the cluster, perhaps for want of memory; see `ray status`"
        )
    return there


def compared(told: nodes.Described, own: Stages) -> nodes.Described:
    """The same, if its code and models are those of this machine.

    Raises:
        UsageError: the code, the libraries or the settings are others.
        WeightsError: the weights are.
    """
    refuse_other_installation(installed(), told.installed)
    refuse_other_models(own, told.stages, told.installed.host)
    return told


def _fitting_all(alive: Iterable[Mapping[str, Any]], share: Share) -> int:
    fitting = sum(_fitting(node["Resources"], share) for node in alive)
    if not fitting:
        gpu = f" and {share.gpu} of a graphics card" if share.gpu else ""
        raise UsageError(
            f"no node of the cluster has a core{gpu} and {share.bytes_each / GIB:.2f} GiB of memory for a process that "
            "looks at pictures; see `ray status`"
        )
    return fitting


def _fitting(resources: Mapping[str, float], share: Share) -> int:
    """How many processes that look a node has room for."""
    fit = min(int(resources.get("CPU", 0)), int(resources.get("memory", 0) // share.bytes_each))
    return min(fit, int(resources.get("GPU", 0) / share.gpu + 1e-6)) if share.gpu else fit


def _in_time(described: Iterable[Future[Any]]) -> set[Future[Any]]:
    """Those who answer: the first may take long, the others not much longer."""
    over, late = wait(described, LOAD_S, FIRST_COMPLETED)
    if late and over:
        over |= wait(late, OTHERS_S).done
    return over

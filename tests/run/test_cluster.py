# ruff: noqa: F401, F811  the fixture is imported by its name
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.examples import bright_is_armed, scripted_stages
from tests.run.test_local import reports
from tests.run.test_pool import dump, rows, run
from triage.errors import UsageError, WeightsError
from triage.findings.scripted import Said
from triage.pipeline import Stages
from triage.records import Frame
from triage.run.cluster.sameness import Installed, installed
from triage.run.cluster.starting import Share, Where, joined, refuse_other_nodes
from triage.run.cluster.workers import Cluster
from triage.run.crew import Plan
from triage.run.local import Done

NODE = "TRIAGE_TEST_NODE"
"""Which node it is, in the environment of all that runs there."""
MARKS = "TRIAGE_TEST_MARKS"
PLAN = Plan(2, 3, 1, 2**28)
SHARE = Share(bytes_each=2**26)
pytestmark = [
    pytest.mark.loopback,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed; pip install 'triage[ray]'"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("marks")


@pytest.fixture(scope="module")
def nodes(folder: Path) -> Iterator[Any]:
    """Two nodes, each with room for one process that looks."""
    from ray.cluster_utils import Cluster as Nodes

    temporary = tempfile.mkdtemp(prefix="triage-")  # pytest's own is too long for the names of Ray's sockets
    settings = {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "disabled",
        "RAY_TMPDIR": temporary,
        MARKS: str(folder),
    }
    with pytest.MonkeyPatch.context() as patched:
        for name, value in settings.items():
            patched.setenv(name, value)
        patched.setattr("ray._private.ray_constants.ENABLE_RAY_CLUSTER", False)  # if Ray was imported before
        started = Nodes(
            initialize_head=True,
            head_node_args={"num_cpus": 1, "object_store_memory": 2**27, "env_vars": {NODE: "a"}},
        )
        try:
            add_node(started, "b")
            yield started
        finally:
            started.shutdown()
            shutil.rmtree(temporary, ignore_errors=True)


def add_node(nodes: Any, name: str) -> Any:
    return nodes.add_node(num_cpus=1, object_store_memory=2**27, env_vars={NODE: name})


@pytest.fixture(scope="module")
def alone(dump: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    run(dump, folder, scripted_stages())
    return folder


def test_two_nodes_leave_the_reports_of_one_process_byte_for_byte(
    nodes: Any,
    dump: Path,
    alone: Path,
    tmp_path: Path,
) -> None:
    with joined(Where(nodes.address), PLAN, scripted_stages, SHARE) as there:
        assert len(set(there.lookers.values())) == 2
        hands = Cluster(there).hands
        done = run(dump, tmp_path / "case", there.stages, hands)
        again = run(dump, tmp_path / "case", there.stages, hands)
    assert reports(tmp_path / "case") == reports(alone)
    assert rows(tmp_path / "case") == rows(alone)
    assert sorted([done["clip.mp4"], done["copy.mp4"]]) == [Done.EXAMINED, Done.SAME_BYTES]
    assert set(again.values()) == {Done.ALREADY, Done.SAME_BYTES}


LOOPBACK = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")
ALONE = """
import json, tempfile
from pathlib import Path
from tests.examples import scripted_stages
from tests.run.test_cluster import PLAN, SHARE, listening
from triage.run.cluster.starting import joined, where

before = listening()
with joined(where("ray"), PLAN, scripted_stages, SHARE) as there:
    modes = [folder.stat().st_mode for folder in Path(tempfile.gettempdir()).iterdir()]
    print(json.dumps([len(there.lookers), sorted(listening() - before), modes]))
"""
"""In a process of its own, as Ray remembers for its whole life how it was first started."""


def listening() -> set[str]:
    """Address and port, in hexadecimal, of everything on this machine that waits for somebody to connect."""
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return {line[1] for line in lines if line[3] == "0A"}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells here who listens")
def test_a_cluster_of_this_machine_listens_to_nobody_else_and_leaves_nothing(tmp_path: Path) -> None:
    own = Path(tempfile.mkdtemp(prefix="t"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    told = subprocess.run(
        [sys.executable, "-c", ALONE],
        env={**environment, "TMPDIR": str(own), "HOME": str(tmp_path / "home")},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        check=True,
    )
    lookers, opened, modes = json.loads(told.stdout)
    assert lookers == 2
    assert opened
    assert [place for place in opened if not place.startswith(LOOPBACK)] == []
    assert [oct(mode & 0o077) for mode in modes] == ["0o0"]
    assert list(own.iterdir()) == []
    assert not (tmp_path / "home").exists()
    own.rmdir()


def test_a_node_that_had_ended_before_the_cluster_noticed_is_no_reason_to_refuse_the_others() -> None:
    from ray.exceptions import TaskUnschedulableError

    there, gone, other = Future[Installed](), Future[Installed](), Future[Installed]()
    there.set_result(installed())
    gone.set_exception(TaskUnschedulableError("the node does not exist any more"))
    refuse_other_nodes({there: "a", gone: "b"})
    other.set_exception(ModuleNotFoundError("triage"))
    with pytest.raises(UsageError, match="the node c cannot run this triage"):
        refuse_other_nodes({there: "a", gone: "b", other: "c"})


def weights_of_the_node() -> Stages:
    """On the second node the same name stands for other weights."""
    stages = scripted_stages()
    if os.environ.get(NODE) != "b":
        return stages
    (name,) = stages.provenance.weights
    return replace(stages, provenance=replace(stages.provenance, weights={name: "ab" * 32}))


def test_a_node_with_other_weights_is_refused_by_name(nodes: Any) -> None:
    with (
        pytest.raises(WeightsError, match=f"the node {installed().host} has weights abababab as"),
        joined(Where(nodes.address), PLAN, weights_of_the_node, SHARE),
    ):
        pytest.fail("it took part")


def waits_to_be_killed(frame: Frame) -> Said:
    """On the third node: says that it looks, and goes on for ever."""
    if os.environ[NODE] == "c":
        (Path(os.environ[MARKS]) / "looking").touch()
        threading.Event().wait()
    return bright_is_armed(frame)


def test_a_node_that_is_killed_costs_nothing_but_time(
    nodes: Any,
    folder: Path,
    dump: Path,
    alone: Path,
    tmp_path: Path,
) -> None:
    third = add_node(nodes, "c")
    mark = folder / "looking"

    def kill() -> None:
        while not mark.exists():
            time.sleep(0.1)
        nodes.remove_node(third, allow_graceful=False)

    killing = threading.Thread(target=kill, daemon=True)
    with joined(Where(nodes.address), PLAN, partial(scripted_stages, waits_to_be_killed), SHARE) as there:
        killing.start()
        run(dump, tmp_path / "case", there.stages, Cluster(there).hands)
    killing.join()
    nodes.wait_for_nodes()  # until the cluster has noticed, for whatever test comes next
    assert reports(tmp_path / "case") == reports(alone)

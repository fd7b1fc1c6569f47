"""The place where OpenVINO is called."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from triage.shipped import shipped

TWO_NETWORKS = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
from pathlib import Path
from triage.network import Network
from triage.settings import Precision
first, second = (Network(Path(file), Precision.FAST) for file in sys.argv[1:])
del first
del second
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("heard")
"""


def test_ctrl_c_is_heard_after_networks_were_let_go_in_any_order() -> None:
    # Seen to end with a segmentation fault on a processor with AMX, where OpenVINO moves the stack for signals.
    files = [shipped("weights") / name for name in ("minors.onnx", "graphic.onnx")]
    command = [sys.executable, "-c", TWO_NETWORKS, *map(str, files)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "heard\n"), ended.stderr


CORES = """
import os, sys, threading
from pathlib import Path
import numpy as np
from triage import network
from triage.settings import Precision
network.use_threads(1)
looking = network.open_network(Path(sys.argv[1]), Precision.FAST, (256, 416))
seen, is_over = set(), threading.Event()
def watch():
    while not is_over.wait(0.001):
        seen.update(len(os.sched_getaffinity(int(thread))) for thread in os.listdir("/proc/self/task"))
watching = threading.Thread(target=watch)
watching.start()
for _ in range(10):
    looking.run(np.zeros((1, 256, 416, 3), np.uint8))
is_over.set()
watching.join()
print(seen)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc where threads may run")
def test_no_thread_is_bound_to_a_core_on_which_other_processes_calculate_too() -> None:
    # Seen: of two processes with a thread each, both sat on the first core, and the other was idle.
    command = [sys.executable, "-c", CORES, str(shipped("weights") / "objects.onnx")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.stdout == f"{{{len(os.sched_getaffinity(0))}}}\n", ended.stderr

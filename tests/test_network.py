"""The place where OpenVINO is called."""

from __future__ import annotations

import subprocess
import sys

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

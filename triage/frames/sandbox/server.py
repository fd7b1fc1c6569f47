"""The process that decoders are forked from: it has loaded what they need, opens nothing and reads no media itself.

A file is then decoded a few milliseconds after it was asked for, in a process that has seen no other file.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import socket
import sys
import time

from triage.frames.pyav import load_whole
from triage.frames.sandbox import child
from triage.frames.sandbox.limits import die_with
from triage.frames.sandbox.messages import Message

STUCK_S = 5.0
"""Seconds in which a decoder that was told to end does so."""
MOST_HANDLES = 4096
"""Above all that are ever open here: two for each file while it is handed over."""


def main() -> None:
    """Serve whoever started this process, over the socket whose number is the first argument, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; ours says when to end
    # Not with the one that started it, which to Linux is a thread, and may end long before its program does.
    asking = socket.socket(fileno=int(sys.argv[1]))
    os.setsid()
    load_whole()  # a child can open no file, so it cannot load anything either
    gc.freeze()
    running: set[int] = set()
    while True:
        body, handles, _, _ = socket.recv_fds(asking, 65_536, 2)
        if not body:
            break
        request = json.loads(body)
        if "end" in request:
            running.remove(request["end"])  # else it would be somebody else's process
            asking.sendall(json.dumps(_end(request["end"])).encode())
            continue
        own = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become_child(own, asking, handles, request)
        for handle in handles:
            os.close(handle)
        running.add(pid)
        asking.sendall(json.dumps({"pid": pid}).encode())
    for pid in running:
        _end(pid)


def _become_child(parent: int, asking: socket.socket, handles: list[int], request: Message) -> None:
    die_with(parent)
    asking.detach()
    for handle, place in zip(handles, (100, 101), strict=True):
        os.dup2(handle, place)
    for place, final in ((100, child.FILE), (101, child.CHANNEL)):
        os.dup2(place, final)
    os.closerange(child.CHANNEL + 1, MOST_HANDLES)
    child.run(request)


def _end(pid: int) -> Message:
    """End a child that may have ended already, and say how it ended and what it took."""
    os.kill(pid, signal.SIGKILL)  # its number is still its own: nobody else waits for it
    ended = _waited_for(pid)
    if ended is None:
        return {"signal": int(signal.SIGKILL), "code": 0, "cpu_s": 0.0, "peak_kib": 0}
    status, used = ended
    return {
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_kib": used.ru_maxrss,
    }


def _waited_for(pid: int) -> tuple[int, resource.struct_rusage] | None:
    """How a child ended and what it took; None: it waits for a share that is gone, and hears no signal until then.

    Such a one is left to itself: it can do no more than read what it was given, and the other files wait.
    """
    pause_s = 0.0002
    until_s = time.monotonic() + STUCK_S
    while time.monotonic() < until_s:
        met, status, used = os.wait4(pid, os.WNOHANG)
        if met:
            return status, used
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 0.05)
    return None


if __name__ == "__main__":
    main()

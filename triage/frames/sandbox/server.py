"""The process that decoders are forked from: it has loaded what they need, opens nothing and reads no media itself.

A file is then decoded a few milliseconds after it was asked for, in a process that has seen no other file.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys

from triage.frames.pyav import load_whole
from triage.frames.sandbox import child
from triage.frames.sandbox.limits import die_with_parent
from triage.frames.sandbox.messages import Message

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
            running.discard(request["end"])
            asking.sendall(json.dumps(_end(request["end"])).encode())
            continue
        pid = os.fork()
        if pid == 0:
            _become_child(asking, handles, request)
        for handle in handles:
            os.close(handle)
        running.add(pid)
        asking.sendall(json.dumps({"pid": pid}).encode())
    for pid in running:
        _end(pid)


def _become_child(asking: socket.socket, handles: list[int], request: Message) -> None:
    die_with_parent()
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
    _, status, used = os.wait4(pid, 0)
    return {
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_kib": used.ru_maxrss,
    }


if __name__ == "__main__":
    main()

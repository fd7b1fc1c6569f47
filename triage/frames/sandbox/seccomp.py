"""The filter of system calls (Linux, seccomp) behind which media is decoded: a short list of what is allowed.

What is allowed: reading and writing what is open already, memory, threads, time. Everything else is refused as "not
permitted": opening any file, any socket, any new process, signals to others, memory that can be executed. A list of
what is allowed stays true when a kernel learns new calls; a list of what is forbidden does not.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_FREELY = (
    *("read", "write", "futex", "lseek", "munmap", "recvfrom", "sendto", "recvmsg", "sendmsg", "madvise", "brk"),
    *("pread64", "readv", "writev", "poll", "ppoll", "select", "pselect6", "sched_yield", "mremap", "close", "fstat"),
    *("clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "getrandom", "getrusage"),
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "getpid", "gettid"),
    *("set_robust_list", "set_tid_address", "rseq", "membarrier", "getcpu", "sched_getaffinity", "exit", "exit_group"),
)
"""Calls that may be made with whatever arguments."""

_PROT_EXEC, _CLONE_THREAD = 0x4, 0x10000
_FCNTL = (1, 2, 3, 1030)
"""F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC; with others a process can have signals sent to any other."""


@dataclass(frozen=True, slots=True)
class _Machine:
    """A kind of processor, as the kernel counts them, and its numbers of the calls."""

    mark: int
    numbers: Mapping[str, int]


def _machine(mark: int, numbers: str) -> _Machine:
    named = (pair.split(":") for pair in numbers.split())
    return _Machine(mark, {name: int(number) for name, number in named})


_MACHINES = {
    "x86_64": _machine(
        0xC000003E,
        "read:0 write:1 close:3 fstat:5 poll:7 lseek:8 mmap:9 mprotect:10 munmap:11 brk:12 rt_sigaction:13 "
        "rt_sigprocmask:14 rt_sigreturn:15 pread64:17 readv:19 writev:20 select:23 sched_yield:24 mremap:25 madvise:28 "
        "nanosleep:35 getpid:39 sendto:44 recvfrom:45 sendmsg:46 recvmsg:47 clone:56 exit:60 fcntl:72 gettimeofday:96 "
        "getrusage:98 sigaltstack:131 gettid:186 futex:202 sched_getaffinity:204 set_tid_address:218 "
        "restart_syscall:219 clock_gettime:228 clock_getres:229 clock_nanosleep:230 exit_group:231 pselect6:270 "
        "ppoll:271 set_robust_list:273 getcpu:309 getrandom:318 membarrier:324 rseq:334 clone3:435",
    ),
    "aarch64": _machine(
        0xC00000B7,
        "fcntl:25 close:57 lseek:62 read:63 write:64 readv:65 writev:66 pread64:67 pselect6:72 ppoll:73 fstat:80 "
        "exit:93 exit_group:94 set_tid_address:96 futex:98 set_robust_list:99 nanosleep:101 clock_gettime:113 "
        "clock_getres:114 clock_nanosleep:115 sched_getaffinity:123 sched_yield:124 restart_syscall:128 "
        "sigaltstack:132 rt_sigaction:134 rt_sigprocmask:135 rt_sigreturn:139 getrusage:165 getcpu:168 "
        "gettimeofday:169 getpid:172 gettid:178 sendto:206 recvfrom:207 sendmsg:211 recvmsg:212 brk:214 munmap:215 "
        "mremap:216 clone:220 mmap:222 mprotect:226 madvise:233 getrandom:278 membarrier:283 rseq:293 clone3:435",
    ),
}
"""From the kernel's tables of system calls (asm/unistd.h) and of machines (linux/audit.h)."""

_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
"""BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_JMP|JSET|K, BPF_RET|K."""
_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16
"""Where they stand in the kernel's ``seccomp_data``; arguments have 64 bits, the lower half first on both."""
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _FILTER_MODE = 22, 38, 2

Instruction = tuple[int, int, int, int]
"""Code, how many to skip if true, if false, and a number."""


def program(machine: str) -> list[Instruction]:
    """The filter for this kind of processor, as ``platform.machine`` names it.

    Raises:
        KeyError: no such kind is known here.
    """
    known = _MACHINES[machine]
    return [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_EQUAL, 1, 0, known.mark),
        (_RETURN, 0, 0, _KILL),  # calls in another machine's numbers, as of 32 bit programs
        (_LOAD, 0, 0, _NUMBER_AT),
        *_rules(known.numbers),
        (_RETURN, 0, 0, _REFUSE | errno.EPERM),
    ]


def _rules(numbers: Mapping[str, int]) -> Iterator[Instruction]:
    for name in _FREELY:
        if name in numbers:
            yield from _when(numbers[name], [(_RETURN, 0, 0, _ALLOW)])
    for name in ("mmap", "mprotect"):
        refused_if = [(_ANY_BIT, 0, 1, _PROT_EXEC), (_RETURN, 0, 0, _REFUSE | errno.EPERM), (_RETURN, 0, 0, _ALLOW)]
        yield from _when(numbers[name], [(_LOAD, 0, 0, _ARGUMENTS_AT + 2 * 8), *refused_if])
    allowed_if = [(_ANY_BIT, 0, 1, _CLONE_THREAD), (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE | errno.EPERM)]
    yield from _when(numbers["clone"], [(_LOAD, 0, 0, _ARGUMENTS_AT), *allowed_if])
    # Its arguments cannot be seen by a filter; told that there is no such call, the C library makes threads by clone.
    yield from _when(numbers["clone3"], [(_RETURN, 0, 0, _REFUSE | errno.ENOSYS)])
    asked = [step for number in _FCNTL for step in ((_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW))]
    refused = (_RETURN, 0, 0, _REFUSE | errno.EPERM)
    yield from _when(numbers["fcntl"], [(_LOAD, 0, 0, _ARGUMENTS_AT + 8), *asked, refused])


def _when(number: int, steps: list[Instruction]) -> list[Instruction]:
    """These steps for this call; for others, what follows. The last of them returns."""
    return [(_EQUAL, 0, len(steps), number), *steps]


def is_known() -> bool:
    """Whether there is a filter for this system and processor; whether the kernel takes it, only trying tells."""
    return sys.platform == "linux" and platform.machine() in _MACHINES


def install() -> bool:
    """Put this process and all its future threads behind the filter, for good.

    Called while there is one thread only: others would stay outside.

    Returns:
        False: there is no filter for this machine, or its kernel does not take one.
    """
    if not is_known():
        return False
    steps = b"".join(struct.pack("=HBBI", *step) for step in program(platform.machine()))
    held = ctypes.create_string_buffer(steps, len(steps))
    described = struct.pack("@HP", len(steps) // 8, ctypes.addressof(held))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
        return False
    return bool(prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_FILTER_MODE), described) == 0)

"""What processes cost: CPU time to the nanosecond, and memory as PSS."""

import time
from collections.abc import Iterable
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process: all its threads, ended ones too, and the kernel on their behalf.

    Its CPU-time clock (clock_getcpuclockid(3)) counts nanoseconds, where `/proc/PID/stat` counts ticks of 10 ms.
    On loopback the kernel delivers a datagram in the sender's call, so a server pays for its receivers' sockets.
    """
    return time.clock_gettime(~pid << 3 | 2)


def pss_mib(pids: Iterable[int]) -> float:
    """Return the proportional set size of processes in MiB; a page that n of them share counts 1/n each."""
    kilobytes = 0
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        kilobytes += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return kilobytes / 1024

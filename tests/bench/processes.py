"""What processes cost: CPU time to the nanosecond, and memory as PSS."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process: all its threads, ended ones too, and the kernel on their behalf.

    Its CPU-time clock (clock_getcpuclockid(3)) counts nanoseconds, where `/proc/PID/stat` counts ticks of 10 ms.
    On loopback the kernel delivers a datagram in the sender's call, so a server pays for its receivers' sockets.
    """
    return time.clock_gettime(~pid << 3 | 2)


def pss_mib(pids: Iterable[int], kind: Literal["Pss", "Pss_Anon"] = "Pss") -> float:
    """Return the proportional set size of processes in MiB; a page that n of them share counts 1/n each.

    `Pss_Anon` leaves out pages of files: what they count depends on who else has the same libraries loaded.
    """
    kilobytes = 0
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        kilobytes += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith(f"{kind}:"))
    return kilobytes / 1024


def children(pid: int) -> list[int]:
    """Return the children of a process's first thread, in the order of their birth."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

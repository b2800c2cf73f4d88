"""How much memory processes take, and giving back what they do not need."""

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path


def return_memory() -> None:
    """Have the C library return what is free in its heap, which takes 0.1 ms, and as much for each MB of it.

    glibc keeps what was freed below something that lives: a worker that 500 peers have left, 25 MB. Where there is
    another C library, nothing happens.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def memory_bytes(pids: Iterable[int]) -> dict[int, int]:
    """Return what each process takes of the machine's memory; those that are gone, or not ours, are left out.

    Pages that processes share count by halves, thirds and so on (PSS), so that the figures of several add up;
    where the system tells none, what is resident. The kernel walks through all pages for it, a millisecond or
    more: call this in a thread.
    """
    found = {pid: _proportional(pid) or _resident(pid) for pid in pids}
    return {pid: size for pid, size in found.items() if size is not None}


def _proportional(pid: int) -> int | None:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), None)


def _resident(pid: int) -> int | None:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")

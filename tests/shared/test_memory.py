"""What processes take, as the kernel tells it."""

import os
import subprocess
import sys

import psutil

from shared.memory import memory_bytes


def test_a_process_takes_no_more_than_is_resident_and_those_that_are_gone_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        own, gone = os.getpid(), 2**22 + 1
        found = memory_bytes([own, other.pid, gone])
        assert set(found) == {own, other.pid}
        for pid, size in found.items():
            assert 1e6 < size <= psutil.Process(pid).memory_info().rss * 1.1
        other.communicate(b"\n")
    assert memory_bytes([other.pid]) == {}


def test_what_is_taken_shows() -> None:
    before = memory_bytes([os.getpid()])[os.getpid()]
    taken = bytearray(os.urandom(30_000_000))
    assert memory_bytes([os.getpid()])[os.getpid()] - before > 25e6
    del taken

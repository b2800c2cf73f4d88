"""Probes as operators run them: a process of its own, and what it prints."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.support.services import REPOSITORY
from tests.support.sfu import RunningSfu, running_sfu

PROBES = REPOSITORY / "deploy" / "probes"


@dataclass(frozen=True)
class Ended:
    """How a probe ended. `line` is all that it printed."""

    status: int
    line: str


Probe = Callable[..., Awaitable[Ended]]


@pytest.fixture
def probe() -> Probe:
    """Run a probe without any installed package (-S), with nothing in its environment but what is given."""

    async def run(name: str, *arguments: str, **environment: str) -> Ended:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-S", str(PROBES / f"{name}.py"), *arguments),
            env=environment,
            cwd="/",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode is not None
        [line] = output.decode().splitlines()
        return Ended(process.returncode, line)

    return run


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sfu() -> AsyncIterator[RunningSfu]:
    """One SFU for all tests that change nothing about it."""
    async with running_sfu() as sfu:
        yield sfu

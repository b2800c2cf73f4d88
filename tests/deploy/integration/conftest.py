"""Runs of single tests of the runner, in this process, against services that a test falsifies."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
import pytest_asyncio

from deploy.integration import cleanup
from deploy.integration.backend_api import BackendApi
from deploy.integration.checks import Outcome, Section
from deploy.integration.http_api import HttpApi
from deploy.integration.options import Options
from deploy.integration.run import Run
from tests.support.services import ADMIN_EMAIL, ADMIN_PASSWORD, Platform, free_tcp_port, running_platform
from tests.support.sfu import RunningSfu, running_sfu

SFU_TOKEN = "a-token-between-the-services-0123456789"
GENEROUS = 1000.0
"""What the limits of time are multiplied by where time is not what is tested."""


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Join and leave a few times only: how often is not what is tested."""
    monkeypatch.setattr(cleanup, "ROUNDS", 3)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sfu() -> AsyncIterator[RunningSfu]:
    """One SFU for all tests that only look at it falsified."""
    async with running_sfu(peer_timeout_s=2.0) as sfu:
        yield sfu


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """Both services as real processes, the SFU with a token."""
    with running_platform(
        {"SFU_API_TOKEN": SFU_TOKEN, "PEER_TIMEOUT_S": "2", "RESUME_GRACE_S": "1", "SFU_WORKERS": "1"}
    ) as platform:
        yield platform


@asynccontextmanager
async def a_run(
    *,
    sfu_url: str = "",
    backend_url: str = "",
    limit_scale: float = GENEROUS,
    timeout: float = 5.0,  # noqa: ASYNC109 - an option of the runner
    vanish_timeout: float = 0.0,
    token: str | None = None,
) -> AsyncIterator[Run]:
    """Make a run; where a service is not given, nobody is there."""
    nobody = f"http://127.0.0.1:{free_tcp_port()}"
    options = Options(
        backend_url or nobody,
        sfu_url or nobody,
        timeout,
        vanish_timeout,
        limit_scale,
        as_json=False,
        sfu_token=token,
        email=ADMIN_EMAIL,
        password=ADMIN_PASSWORD,
    )
    async with aiohttp.ClientSession() as session:
        sfu = HttpApi(session, options.sfu_url, timeout, token)
        run = Run(options, sfu, BackendApi(session, options.backend_url, timeout))
        try:
            yield run
        finally:
            await run.clean_up()


async def outcomes_of(check: Callable[[Section, Run], Awaitable[None]], run: Run) -> dict[str, Outcome]:
    """Run one test; returns its outcomes by name."""
    section = Section("a test", lambda _outcome: None, run.options.limit_scale)
    await check(section, run)
    return {outcome.name: outcome for outcome in section.outcomes}


def failures(outcomes: dict[str, Outcome]) -> dict[str, str]:
    """Return the reasons of the checks that failed for themselves, by name; not of those that build on them."""
    return {
        name: outcome.reason
        for name, outcome in outcomes.items()
        if outcome.status == "fail" and not outcome.reason.startswith("not tried")
    }

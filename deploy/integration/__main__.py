"""Run the five tests: `python -m deploy.integration`, `make integration`, `vtp-integration`."""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiohttp

from deploy.integration import cleanup, health, multi_peer, room_operations, transport_operations
from deploy.integration.backend_api import BackendApi
from deploy.integration.checks import CheckFailed, Section
from deploy.integration.http_api import HttpApi
from deploy.integration.options import Options, read_options
from deploy.integration.report import JsonReport, Report, TextReport, is_passed
from deploy.integration.run import Run
from deploy.probes.command import Status, WrongUse

TESTS: tuple[tuple[str, Callable[[Section, Run], Awaitable[None]]], ...] = (
    (health.HEADING, health.check),
    (room_operations.HEADING, room_operations.check),
    (multi_peer.HEADING, multi_peer.check),
    (transport_operations.HEADING, transport_operations.check),
    (cleanup.HEADING, cleanup.check),
)

KEPT_S = 60.0
"""Connections are kept between calls, so that what is measured is the call."""


def main() -> None:
    """Read the options, run, and exit with the status."""
    try:
        options = read_options(sys.argv[1:])
    except WrongUse as error:
        sys.stderr.write(f"wrong use: {error}\n")
        sys.exit(Status.WRONG_USE)
    with suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(run_tests(options)))
    sys.exit(Status.FAILING)


async def run_tests(options: Options) -> int:
    """Run all tests, clean up in every case, and return the exit status."""
    report: Report = JsonReport(options.backend_url, options.sfu_url) if options.as_json else TextReport()
    report.begin(_introduction(options))
    sections: list[Section] = []
    started, trouble = time.monotonic(), ""
    _end_on_sigterm()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(keepalive_timeout=KEPT_S)) as session:
            await _run_all(_new_run(options, session), report, sections)
    except asyncio.CancelledError:
        trouble = "interrupted before its end"
    report.end(sections, time.monotonic() - started, trouble)
    return Status.OK if is_passed(sections, trouble) else Status.FAILING


def _new_run(options: Options, session: aiohttp.ClientSession) -> Run:
    sfu = HttpApi(session, options.sfu_url, options.timeout, options.sfu_token)
    return Run(options, sfu, BackendApi(session, options.backend_url, options.timeout))


async def _run_all(run: Run, report: Report, sections: list[Section]) -> None:
    try:
        for heading, check in TESTS:
            report.heading(heading)
            sections.append(Section(heading, report.show, run.options.limit_scale))
            await check(sections[-1], run)
    finally:
        await run.clean_up()
        with suppress(CheckFailed):
            await run.backend.sign_out()


def _end_on_sigterm() -> None:
    task = asyncio.current_task()
    if task is not None:
        with suppress(NotImplementedError):  # where there are no signals to handle
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _introduction(options: Options) -> list[str]:
    account = f"as {options.email}" if options.email else "without an account: what needs a teacher is skipped"
    return [
        f"Backend {options.backend_url}, {account}",
        f"SFU     {options.sfu_url}, {'with' if options.sfu_token else 'without'} a token",
        "Times with a limit are medians of several calls on a kept connection.",
        f"In TEST 5 clients die without a word: up to {options.vanish_timeout:g} s until the services notice.",
    ]


if __name__ == "__main__":
    main()

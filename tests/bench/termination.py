"""Ending a benchmark that is told to stop, together with the servers and the load that it has started."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

TERMINATED = 128 + signal.SIGTERM
"""Exit status of a command that SIGTERM has ended, as shells tell it."""


def run(
    main: Coroutine[Any, Any, Result], loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
) -> Result:
    """Run to the end. SIGTERM cancels what runs, as Ctrl-C does, and then ends the process."""
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        try:
            return runner.run(_cancelled_by_signal(main))
        except asyncio.CancelledError:
            sys.exit(TERMINATED)


async def _cancelled_by_signal(main: Coroutine[Any, Any, Result]) -> Result:
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await main
    finally:
        loop.remove_signal_handler(signal.SIGTERM)

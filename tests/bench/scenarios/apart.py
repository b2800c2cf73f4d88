"""Measurements of our own SFU alone, beside the common runner."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from tests.bench.servers.base import ServerOptions, pinned
from tests.bench.servers.vtp import Vtp, create


async def measured(
    measure: Callable[[Vtp], Awaitable[dict[str, Any]]], cores: Sequence[int], log_dir: Path
) -> dict[str, Any]:
    """Start our SFU with one worker on all cores but the last, and measure it from the last."""
    server = create(ServerOptions(tuple(cores[:-1] or cores), 1, "gcm", log_dir), "")
    try:
        await server.start()
        with pinned(cores[-1:]):
            return {"server": server.name, "version": server.version, **await measure(server)}
    finally:
        await server.stop()

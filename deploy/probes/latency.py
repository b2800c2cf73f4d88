"""Does health answer quickly? The median of several `GET /health` on a kept connection has to be below a limit."""

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deploy.probes.command import Bad, limit_scale, number, parser, run, url_of
from deploy.probes.http_calls import Calls, require_health

LIMIT_MS = 5.0
"""What the operator's checklist wants of both services."""

REQUESTS = 20
"""Enough that a single late one, on a busy machine, does not make the median."""


def options_parser() -> argparse.ArgumentParser:
    """Make the parser of this probe."""
    made = parser(__doc__)
    made.add_argument(
        "--limit-ms", type=number(0.001, 60_000), default=LIMIT_MS, help="the median's limit (%(default)s)"
    )
    made.add_argument("--requests", type=number(1, 1000), default=REQUESTS, help="how many (%(default)s)")
    return made


def probe(options: argparse.Namespace) -> str:
    """Ask, once more than counts: the first request opens the connection. Raises: Bad."""
    limit_ms = options.limit_ms * limit_scale()
    calls = Calls(url_of(options), options.timeout)
    times = []
    for _ in range(int(options.requests) + 1):
        answer = calls.call("GET", "/health")
        require_health(answer)
        times.append(answer.ms)
    median = statistics.median(times[1:])
    figures = f"median {median:.1f} ms of {len(times) - 1} requests, longest {max(times[1:]):.1f} ms"
    if median >= limit_ms:
        raise Bad(f"{figures}: the limit is {limit_ms:g} ms")
    return f"{figures}, limit {limit_ms:g} ms"


if __name__ == "__main__":
    run(options_parser(), probe)

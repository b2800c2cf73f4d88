"""Does the process answer? If not, start it anew. Asks `GET /health/live`, which depends on nothing else."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deploy.probes.command import parser, run, url_of
from deploy.probes.http_calls import Calls, require_health


def probe(options: argparse.Namespace) -> str:
    """Ask once. Raises: Bad."""
    calls = Calls(url_of(options), options.timeout)
    answer = calls.call("GET", "/health/live")
    require_health(answer)
    return f"{calls.url} answers ({answer.ms:.1f} ms)"


if __name__ == "__main__":
    run(parser(__doc__), probe)

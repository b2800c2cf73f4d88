"""Can it take requests now? Asks `GET /health/ready` for the verdict and `GET /health` for what else is to say.

The backend is ready while people can sign in, also when its SFU is down: the line then says `sfu: down`.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deploy.probes.command import parser, run, url_of
from deploy.probes.http_calls import Calls, reasons, require_health, service_of


def probe(options: argparse.Namespace) -> str:
    """Ask both. Raises: Bad."""
    calls = Calls(url_of(options), options.timeout)
    require_health(calls.call("GET", "/health/ready"))
    health = calls.call("GET", "/health").body
    return "; ".join([f"{service_of(health)} is ready", *reasons(health)])


if __name__ == "__main__":
    run(parser(__doc__), probe)

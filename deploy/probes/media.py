"""Can browsers reach the SFU's media ports? Makes temporary transports and sends checks to all that they announce.

Run it where browsers are, or on the SFU's machine for a first look. The SFU's token is read from SFU_API_TOKEN or
the file that SFU_API_TOKEN_FILE names. Whatever comes of it, the temporary rooms are removed.
"""

import argparse
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deploy.probes.command import Bad, parser, run, secret, url_of
from deploy.probes.host_addresses import host_addresses
from deploy.probes.http_calls import Calls
from deploy.probes.media_verdicts import View, judge
from deploy.probes.reach import Reach, reach
from deploy.probes.temporary_rooms import Offer, Offers, temporary_offers

CHECKS_AT_ONCE = 64
"""Of some workers' ports on some addresses; they wait for answers, nothing more."""


def options_parser() -> argparse.ArgumentParser:
    """Make the parser of this probe."""
    made = parser(__doc__, services=("sfu",))
    made.add_argument(
        "--public",
        action="store_true",
        help="browsers are on the internet: a loopback or private address is wrong even if it answers from here",
    )
    return made


def probe(options: argparse.Namespace) -> str:
    """Look at all announced addresses. Raises: Bad, with a sentence for each that is wrong."""
    calls = Calls(url_of(options), options.timeout, secret("SFU_API_TOKEN", "MEDIASOUP_API_TOKEN"))
    with temporary_offers(calls) as made:
        reaches = _reach_all(made.offers, options.timeout)
    view = _view(calls.url, must_be_public=options.public)
    by_host: dict[str, list[Reach]] = {}
    for one in reaches:
        by_host.setdefault(one.target.host, []).append(one)
    verdicts = [judge(host, of_host, view) for host, of_host in by_host.items()]
    if wrong := [one.text for one in verdicts if not one.ok]:
        raise Bad("; ".join(wrong))
    return "; ".join([*(one.text for one in verdicts), *_not_looked_at(made)])


def _not_looked_at(made: Offers) -> list[str]:
    if not made.unseen:
        return []
    return [f"not looked at: {made.unseen} of {made.workers} media workers, too busy to be given a new room"]


def _reach_all(offers: Sequence[Offer], timeout: float) -> list[Reach]:
    with ThreadPoolExecutor(CHECKS_AT_ONCE) as pool:
        futures = [
            pool.submit(reach, target, offer.check(), timeout) for offer in offers for target in offer.targets
        ]
        return [future.result() for future in futures]


def _view(url: str, *, must_be_public: bool) -> View:
    found = socket.getaddrinfo(urlsplit(url).hostname, None, type=socket.SOCK_STREAM)
    asked = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if all(ip.is_loopback for ip in asked):
        better = ", ".join(map(str, host_addresses()))
        return View(True, must_be_public, f"this machine has {better}" if better else "")
    return View(False, must_be_public, f"its API answers at {asked[0]}")


if __name__ == "__main__":
    run(options_parser(), probe)

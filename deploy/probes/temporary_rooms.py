"""Transports made at the SFU only to be looked at, each in a room of its own, and removed in every case."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from deploy.probes.command import Bad, Unreachable
from deploy.probes.http_calls import Answer, Calls, failure
from deploy.probes.reach import Target
from deploy.probes.stun import Check, new_check

MAX_ROOMS = 32
"""Made at most to see the ports of all workers: a new room goes to the worker with the least to do."""

PEER = "probe"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a transport announces, with its ICE credentials."""

    targets: tuple[Target, ...]
    username_fragment: str
    password: str

    def check(self) -> Check:
        """Make a check of this transport."""
        return new_check(self.username_fragment, self.password)


@dataclass(frozen=True, slots=True)
class Offers:
    """One offer of each media worker that was given a room; `workers` is how many there are."""

    offers: tuple[Offer, ...]
    workers: int

    @property
    def unseen(self) -> int:
        """How many workers no room came to."""
        return max(self.workers - len(self.offers), 0)


@contextmanager
def temporary_offers(calls: Calls) -> Iterator[Offers]:
    """Make a transport on each media worker, as far as new rooms get there, for the length of a `with` block.

    Raises:
        Bad: the SFU refuses.
        Unreachable: it does not answer.
    """
    rooms: list[str] = []
    try:
        workers = _worker_count(calls)
        offers: list[Offer] = []
        while len({one.targets for one in offers}) < workers and len(rooms) < min(2 * workers, MAX_ROOMS):
            rooms.append(f"probe-{uuid.uuid4()}")  # known before it is made: also a lost answer leaves no room
            offers.append(_offer(calls, rooms[-1]))
        yield Offers(tuple({one.targets: one for one in offers}.values()), workers)
    finally:
        for room in rooms:
            _remove(calls, room)


def _worker_count(calls: Calls) -> int:
    ready = _require(calls.call("GET", "/load"), "workersReady")["workersReady"]
    return ready if isinstance(ready, int) and ready > 0 else 1


def _offer(calls: Calls, room: str) -> Offer:
    path = f"/rooms/{room}"
    _require(calls.call("POST", f"{path}/peers", {"peerId": PEER, "userId": PEER, "roomName": "media probe"}))
    wish = {"peerId": PEER, "direction": "recv"}
    made = _require(calls.call("POST", f"{path}/transports", wish), "iceCandidates", "iceParameters")
    try:
        targets = tuple(_target(candidate) for candidate in made["iceCandidates"])
        ice = made["iceParameters"]
        offer = Offer(targets, str(ice["usernameFragment"]), str(ice["password"]))
    except (KeyError, TypeError, ValueError):
        raise Bad("the SFU's answer describes no transport") from None
    if not targets:
        raise Bad("the SFU announces no address: set RTC_ANNOUNCED_IP")
    return offer


def _target(candidate: dict[str, Any]) -> Target:
    host = candidate.get("address") or candidate["ip"]
    return Target(str(host), int(candidate["port"]), str(candidate["protocol"]).lower())


def _require(answer: Answer, *fields: str) -> dict[str, Any]:
    if answer.status == 401:
        raise Bad("the SFU refuses the token: SFU_API_TOKEN (or SFU_API_TOKEN_FILE) is not the one that it has")
    if answer.status != 200:
        raise Bad(
            "sfu: draining, it takes no new room" if answer.body.get("code") == "DRAINING" else failure(answer)
        )
    if missing := [name for name in fields if name not in answer.body]:
        raise Bad(f"what answers there is no SFU of ours: no {missing[0]} in its answer")
    return answer.body


def _remove(calls: Calls, room: str) -> None:
    try:
        calls.call("DELETE", f"/rooms/{room}")
    except Unreachable:
        return  # it is gone, and the rooms with it

"""One SFU of several: whether it is up, which run of it, whether it takes rooms, and what it has to do."""

import asyncio
from typing import Protocol

from backend.domain.placement import Candidate, SfuLoad
from backend.domain.sfu_port import SfuEvent
from backend.errors import VtpError
from backend.sfu_client.link import SfuClient

LOAD_EVERY_S = 1.0
"""How often an SFU is asked what it has to do; it counts what it has and asks nobody."""


class MemberParent(Protocol):
    """Whom a member tells what happens at its SFU."""

    def member_connected(self, member: "Member", *, missed_events: bool) -> None:
        """Its event stream is open; the member knows which run it is."""

    def member_lost(self, member: "Member") -> None:
        """Its event stream broke and could not be opened again at once."""

    def member_missed_events(self, member: "Member") -> None:
        """Events of it were lost."""

    def member_event(self, member: "Member", event: SfuEvent) -> None:
        """Something happened in a room of it."""


class Member:
    """An SFU at `url`, asked through `client`. Implements `backend.sfu_client.events.StreamListener`.

    `epoch` names the run that was seen last. `placed_since` counts rooms placed there since it told its `load`.
    `given_up` tells that its rooms were given to others, until it is back.
    """

    def __init__(self, url: str, client: SfuClient, parent: MemberParent) -> None:
        self.url = url
        self.client = client
        self.epoch = ""
        self.draining = False
        self.load = SfuLoad()
        self.placed_since = 0
        self.given_up = False
        self._parent = parent
        self._away_since: float | None = None

    @property
    def up(self) -> bool:
        """Whether its event stream is open: only then is it asked anything."""
        return self.client.available

    @property
    def takes_rooms(self) -> bool:
        """Whether a room can be placed there."""
        return self.up and not self.draining

    @property
    def candidate(self) -> Candidate:
        """Return it as one that could take a room."""
        return Candidate(self.url, self.load, self.placed_since)

    def away_s(self, now: float) -> float:
        """Tell for how long it has been away, as far as anybody has asked; 0 while it is up."""
        if self.up:
            self._away_since = None
            return 0.0
        if self._away_since is None:
            self._away_since = now
        return now - self._away_since

    async def follow_load(self) -> None:
        """Ask again and again what it has to do; cancel it to stop. Who does not tell is taken for idle."""
        while True:
            await asyncio.sleep(LOAD_EVERY_S)
            if self.up:
                await self._ask_load()

    async def _ask_load(self) -> None:
        counted = self.placed_since
        try:
            self.load = await self.client.load()
        except VtpError:
            return
        self.placed_since -= counted

    # StreamListener

    def sfu_connected(self, epoch: str, *, draining: bool, missed_events: bool) -> None:
        """The event stream is open."""
        if epoch != self.epoch:
            self.load, self.placed_since = SfuLoad(), 0
        self.epoch, self.draining, self.given_up = epoch, draining, False
        self._parent.member_connected(self, missed_events=missed_events)

    def sfu_lost(self) -> None:
        """The event stream broke and could not be opened again at once."""
        self._parent.member_lost(self)

    def sfu_missed_events(self) -> None:
        """Events were lost."""
        self._parent.member_missed_events(self)

    def sfu_drains(self) -> None:
        """The SFU takes no new room any more."""
        self.draining = True

    def sfu_event(self, event: SfuEvent) -> None:
        """Something happened in a room."""
        self._parent.member_event(self, event)

"""Tickets: one-use passes for the WebSocket, where a browser cannot send a header."""

from datetime import timedelta

from backend.domain.auth_ports import Clock, TicketRepository
from backend.domain.ports import Identity, Ticket
from backend.domain.secret_values import MAX_SECRET_LENGTH, hash_secret, new_secret

TICKET_LIFETIME_S = 30
"""Long enough to open a socket on a slow line; a URL with a ticket may end up in somebody's log."""


class Tickets:
    """Issues and redeems tickets. They live in the database, so any backend redeems what another issued."""

    def __init__(self, tickets: TicketRepository, clock: Clock) -> None:
        self._tickets = tickets
        self._clock = clock

    async def issue(self, identity: Identity) -> Ticket:
        """Make a ticket for the signed-in user."""
        value = new_secret()
        expires_at = self._clock() + timedelta(seconds=TICKET_LIFETIME_S)
        await self._tickets.add(hash_secret(value), identity.session_id, expires_at)
        return Ticket(value, TICKET_LIFETIME_S)

    async def redeem(self, ticket: str) -> Identity | None:
        """Use the ticket up and return whose it is; None when it is unknown, used, expired or of no session."""
        if len(ticket) > MAX_SECRET_LENGTH:
            return None
        return await self._tickets.take(hash_secret(ticket), self._clock())

    async def is_good(self, ticket: str) -> bool:
        """Tell whether `redeem` would return somebody now; the ticket stays unused."""
        return len(ticket) <= MAX_SECRET_LENGTH and await self._tickets.holds(hash_secret(ticket), self._clock())

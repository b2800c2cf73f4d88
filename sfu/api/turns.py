"""Turns: of requests that come at once, one begins each time the event loop goes round.

A hundred that come at once would hold the loop for 30 ms, and whoever asks for our health meanwhile waits for all
of them. One at a time, the loop looks at its sockets after each.
"""

import asyncio
from collections import deque


class Turns:
    """Hands out turns in the order they are asked for. As many wait as there are requests under way."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = False

    async def take(self) -> None:
        """Wait for a turn; at once, when nobody else has taken one since the loop last went round."""
        loop = asyncio.get_running_loop()
        if not self._taken:
            self._taken = True
            loop.call_soon(self._next)
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next(self) -> None:
        """Give the next turn to the first who still waits for one."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._next)
                return
        self._taken = False

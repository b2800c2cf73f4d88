"""The ordered, bounded queue of what one socket has yet to send."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MAX_QUEUED_MESSAGES = 1000
"""A reader this far behind does not keep up: it is cut off, and may resume its seat."""

MAX_QUEUED_CHARACTERS = 16 << 20
"""The same in size, so that large messages to a slow reader do not fill the memory."""


class SendQueue:
    """Texts in the order they are to be sent.

    `on_overflow` is called once, when a text does not fit any more; nothing is taken after that.
    """

    def __init__(self, on_overflow: Callable[[], None]) -> None:
        self._texts: deque[str] = deque()
        self._held: deque[str] | None = None
        self._characters = 0
        self._on_overflow = on_overflow
        self._closed = False
        self._changed = asyncio.Event()

    def put(self, text: str) -> None:
        """Queue a text."""
        if self._closed:
            return
        self._characters += len(text)
        count = len(self._texts) + len(self._held or ())
        if count >= MAX_QUEUED_MESSAGES or self._characters > MAX_QUEUED_CHARACTERS:
            self.drop()
            self._on_overflow()
            return
        (self._texts if self._held is None else self._held).append(text)
        self._changed.set()

    @contextmanager
    def answering_first(self) -> Iterator[Callable[[str], None]]:
        """Hold back what is put until the block ends; the function it gives puts the answer before all that."""
        self._held = deque()

        def put_answer(text: str) -> None:
            if self._held is not None:
                self._held.appendleft(text)
                self._characters += len(text)

        try:
            yield put_answer
        finally:
            held, self._held = self._held, None
            self._texts.extend(held or ())
            self._changed.set()

    async def get(self) -> str | None:
        """Wait for the next text; None when the queue is closed and everything is out."""
        while not self._texts:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        text = self._texts.popleft()
        self._characters -= len(text)
        return text

    def close(self) -> None:
        """Take nothing more; what is queued still goes out."""
        self._closed = True
        self._changed.set()

    def drop(self) -> None:
        """Take nothing more and forget what is queued."""
        self._texts.clear()
        if self._held is not None:
            self._held.clear()
        self.close()

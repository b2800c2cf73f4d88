"""Length-prefixed JSON frames: what the SFU's control process and its media workers say to each other."""

import json
import struct
from typing import Any

MAX_FRAME_BYTES = 4 << 20
"""Largest frame. A room's whole dump fits many times over; more means the other end is broken."""

_LENGTH = struct.Struct("!L")

_to_json = json.JSONEncoder(separators=(",", ":")).encode


def encode_frame(message: dict[str, Any]) -> bytes:
    """Encode one message as a 4-byte big-endian length and UTF-8 JSON.

    Raises:
        ValueError: the message is larger than `MAX_FRAME_BYTES`.
    """
    body = _to_json(message).encode()
    if len(body) > MAX_FRAME_BYTES:
        raise ValueError(f"frame of {len(body)} bytes exceeds the limit of {MAX_FRAME_BYTES}")
    return _LENGTH.pack(len(body)) + body


class FrameDecoder:
    """Cut a byte stream into messages. Holds what was put in and not taken out; the caller bounds that."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def __len__(self) -> int:
        """Bytes that wait to be taken."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Take bytes as they came from the stream and return the messages they complete, in order.

        Raises:
            ValueError: a frame is too large or holds no JSON object. The stream is of no use any more then.
        """
        self.put(data)
        messages: list[dict[str, Any]] = []
        while (message := self.take()) is not None:
            messages.append(message)
        return messages

    def put(self, data: bytes) -> None:
        """Take bytes as they came from the stream."""
        self._buffer += data

    def take(self) -> dict[str, Any] | None:
        """Return the next message if it is complete.

        Raises:
            ValueError: as `feed` does.
        """
        body = self._take_frame()
        if body is None:
            return None
        try:
            message = json.loads(body)
        except RecursionError as error:
            raise ValueError("frame is nested too deeply") from error
        if not isinstance(message, dict):
            raise ValueError("frame holds no JSON object")
        return message

    def _take_frame(self) -> bytes | None:
        if len(self._buffer) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._buffer)
        if length > MAX_FRAME_BYTES:
            raise ValueError(f"frame of {length} bytes exceeds the limit of {MAX_FRAME_BYTES}")
        end = _LENGTH.size + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_LENGTH.size : end])
        del self._buffer[:end]
        return body

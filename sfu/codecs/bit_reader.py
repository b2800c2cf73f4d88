"""Reads fields of any number of bits, the first bit first."""

from sfu.codecs.bits import Payload


class BitReader:
    """Reads through bytes once.

    Raises:
        ValueError: from every method, when the bytes end before the field does.
    """

    __slots__ = ("_left", "_value")

    def __init__(self, data: Payload) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    @property
    def left(self) -> int:
        """How many bits have not been read."""
        return self._left

    def bits(self, count: int) -> int:
        """Read an unsigned number of `count` bits."""
        left = self._left - count
        if left < 0:
            raise ValueError(f"a field of {count} bits begins {self._left} bits before the end")
        self._left = left
        return self._value >> left & (1 << count) - 1

    def flag(self) -> bool:
        """Read one bit."""
        return self.bits(1) == 1

    def below(self, limit: int) -> int:
        """Read a number less than `limit` in as few bits as that takes: `ns(n)` of the AV1 specification."""
        width = limit.bit_length()
        short = (1 << width) - limit
        value = self.bits(width - 1)
        return value if value < short else (value << 1) - short + self.bits(1)

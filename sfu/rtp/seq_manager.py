"""Sequence numbers of a consumer: continuous, whatever its source skips, drops or switches to."""

from bisect import bisect_right

MAX_HISTORY = 128
"""Jumps remembered for late packets and NACKs. A layer that is dropped makes 15 a second, so these reach back
eight seconds, far beyond what is stored for retransmission."""


class SeqManager:
    """Map a consumer's input numbers to its output numbers, both unwrapped.

    No two inputs ever get one output, which matters beyond looks: SRTP derives its key stream from that number.
    Until the first `sync` nothing is mapped; the first output is `initial_output`.
    """

    __slots__ = ("_epoch", "_highest_output", "_history", "_offset", "_source", "_start")

    def __init__(self, initial_output: int = 1) -> None:
        self._highest_output = initial_output - 1
        self._offset = 0
        self._start: int | None = None
        self._source = 0
        self._epoch = 0  # where in the history the last sync is
        self._history: list[tuple[int, int, int]] = []  # first output, first input, source; ascending outputs

    @property
    def highest_output(self) -> int:
        """The highest output number so far; one less than the initial one before the first."""
        return self._highest_output

    def batch_offset(self, lowest: int, highest: int) -> int | None:
        """Map the inputs from `lowest` to `highest` at once: return output minus input, and take them for sent.

        None when a jump lies between them or they are late: then call `map` for each.
        """
        if self._start is None or lowest < self._start:
            return None
        offset = self._offset
        if highest + offset > self._highest_output:
            self._highest_output = highest + offset
        return offset

    def sync(self, first_input_seq: int, source: int = 0, gap: int = 0) -> None:
        """Continue with `first_input_seq` right after the last output: at start, after a pause, on another stream.

        Inputs below it are not mapped from now on. `source` is a label for `locate`, such as the input's SSRC.
        `gap` outputs are left to packets of before that are still missing; `locate` finds them there.
        """
        self._source = source
        first_output = self._highest_output + 1
        while self._history and self._history[-1][0] >= first_output:
            self._history.pop()  # nothing was sent after that jump
        self._epoch = len(self._history)
        self._jump(first_input_seq, first_output + gap)

    def drop(self, seq: int) -> None:
        """Leave `seq` out: the numbers after it close the gap, unless one of them was mapped already."""
        if self._start is None or seq < self._start:
            return
        output = seq + self._offset
        if output <= self._highest_output:
            return
        if seq == self._start:
            self._history.pop()
        self._jump(seq + 1, output)

    def map(self, seq: int) -> int | None:
        """Return the output number of `seq`; None when it was dropped or lies before the last `sync`."""
        start = self._start
        if start is None:
            return None
        if seq < start:
            return self._map_late(seq)
        output = seq + self._offset
        if output > self._highest_output:
            self._highest_output = output
        return output

    def position(self, seq: int) -> int:
        """Return the output of `seq`, or the one that it would have: that of the next if it was dropped.

        For inputs since the last `sync` only.
        """
        index = max(self._epoch, bisect_right(self._history, seq, lo=self._epoch, key=_first_input) - 1)
        first_output, first_input, _ = self._history[index]
        output = max(0, seq - first_input) + first_output
        return output if index + 1 == len(self._history) else min(output, self._history[index + 1][0])

    def locate(self, output_seq: int) -> tuple[int, int] | None:
        """Return the source label and the input number of `output_seq`; None when unused or too long ago."""
        index = bisect_right(self._history, output_seq, key=_first_output) - 1
        if index < 0 or output_seq > self._highest_output:
            return None
        first_output, first_input, source = self._history[index]
        return source, output_seq - first_output + first_input

    def _map_late(self, seq: int) -> int | None:
        index = bisect_right(self._history, seq, lo=self._epoch, key=_first_input) - 1
        if index < self._epoch:
            return None
        first_output, first_input, _ = self._history[index]
        output = seq - first_input + first_output
        if output >= self._history[index + 1][0]:
            return None
        if output > self._highest_output:
            self._highest_output = output
        return output

    def _jump(self, first_input: int, first_output: int) -> None:
        self._start = first_input
        self._offset = first_output - first_input
        self._history.append((first_output, first_input, self._source))
        if len(self._history) > 2 * MAX_HISTORY:
            del self._history[:MAX_HISTORY]
            self._epoch = max(0, self._epoch - MAX_HISTORY)


def _first_output(jump: tuple[int, int, int]) -> int:
    return jump[0]


def _first_input(jump: tuple[int, int, int]) -> int:
    return jump[1]

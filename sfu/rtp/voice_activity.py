"""What was heard of one voice in the last second, and how much of it stands out of the noise behind it."""

from functools import cache

from sfu.rtp.audio_level import MAX_LOUDNESS, dbov

SLOT_S = 0.02
"""A slot is as long as a packet of Opus is, unless asked for otherwise."""

SLOTS = 50
"""A second is remembered: five slots to a block, ten blocks."""

MAX_BAND = 13
"""Bands that a slot's loudness above the noise is sorted into, the N1 of Volfin and Cohen."""

MARGIN_DB = 12
"""How far a slot has to stand out of the noise to count. The noise of a fan varies by some 3 dB from slot to slot,
speech stands out by 15 to 40."""

BAND_DB = 3
"""Width of a band: thirteen of them are the range of speech above the margin."""

MIN_FLOOR = 57
"""-70 dBov: it is never quieter. A microphone with noise suppression is silent between words to the last bit, and
the rest of a keystroke that comes through is no speech."""

MAX_FLOOR = 97
"""-30 dBov: what is louder by the margin is never taken for noise, even a voice that goes on without a pause."""

STEADY_DB = 5
"""Speech varies by more from syllable to syllable, even softly spoken; noise by less, leaving out its extremes."""

AUDIBLE = MIN_FLOOR + MARGIN_DB
"""Below it a slot never counts."""

FLOOR_PART_SLOTS = 50
FLOOR_PARTS = 5
"""The noise floor is the least loudness of the last five seconds, counted a second at a time: speech has a pause
between words in that time, a fan has none. It sinks at once and rises as the old seconds are forgotten."""

JITTER_S = 0.1
"""Packets may come late or in bunches by so much before that counts as a gap, or as more than time allows."""

LONGEST_PACKET_S = 0.12
"""As Opus has it (RFC 7587 4.2). A gap no longer than that, and jitter, is filled with what came before it."""


class VoiceActivity:
    """Hear one voice's packets; `name` is the caller's label for it.

    Feed `heard` for each packet and `catch_up` before reading; both take time in seconds.
    """

    __slots__ = ("_floor", "_part_least", "_part_left", "_parts", "_slots", "_until", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._slots = bytearray(SLOTS)
        self._until = float("-inf")  # the slots tell of the time before
        self._floor = MAX_FLOOR
        self._parts: list[int] = []
        self._part_least = MAX_LOUDNESS
        self._part_left = FLOOR_PART_SLOTS

    @property
    def noise_floor(self) -> int:
        """How loud it is when nobody speaks."""
        return max(MIN_FLOOR, self._floor)

    @property
    def is_audible(self) -> bool:
        """Whether anything in the last second might be speech."""
        return max(self._recent()) >= AUDIBLE

    def heard(self, loudness: int, now: float) -> None:
        """Take in a packet's loudness; packets faster than time, beyond jitter, are not heard."""
        ahead = self._until - now
        if ahead > JITTER_S:
            return
        if ahead < -JITTER_S:
            self.catch_up(now)
        slots = self._slots
        slots.append(loudness)
        if len(slots) >= 2 * SLOTS:
            del slots[:-SLOTS]
        self._until += SLOT_S
        if loudness < self._part_least:
            self._part_least = loudness
            if loudness < self._floor:
                self._floor = loudness
        self._part_left -= 1
        if not self._part_left:
            self._raise_floor()

    def catch_up(self, now: float) -> None:
        """Fill the time since the last packet: a short gap with what came before it, a longer one with silence."""
        gap = now - self._until
        if gap <= JITTER_S:
            return
        filled = min(SLOTS, int(gap / SLOT_S)) if gap < SLOTS * SLOT_S else SLOTS
        level = self._slots[-1] if gap <= LONGEST_PACKET_S + JITTER_S else 0
        self._slots += bytes([level]) * filled
        del self._slots[:-SLOTS]
        self._until = now

    def bands(self) -> bytes:
        """Return the last second's slots, oldest first: 0 for noise and silence, up to `MAX_BAND` above it."""
        return self._recent().translate(_band_table(self.noise_floor))

    def volume(self) -> int:
        """Return the mean of what stands out of the noise in the last second, in dBov; -127 when nothing does."""
        loud = self._loud()
        return dbov(sum(loud) / len(loud)) if loud else -MAX_LOUDNESS

    def is_steady(self) -> bool:
        """Whether what stands out of the noise cannot be speech: a fan that has just been switched on, a tone."""
        loud = sorted(self._loud())
        tail = len(loud) // 10
        return not loud or loud[-1 - tail] - loud[tail] < STEADY_DB

    def forget(self) -> None:
        """Start with silence, as after a pause; the noise is what it was."""
        self._slots = bytearray(SLOTS)
        self._until = float("-inf")

    def _recent(self) -> bytes:
        return bytes(self._slots[-SLOTS:])

    def _loud(self) -> list[int]:
        least = self.noise_floor + MARGIN_DB
        return [level for level in self._recent() if level >= least]

    def _raise_floor(self) -> None:
        """Forget the oldest part of what the noise floor is the least of."""
        self._parts = [*self._parts[1 - FLOOR_PARTS :], self._part_least]
        self._floor = min(MAX_FLOOR, *self._parts)
        self._part_least = MAX_LOUDNESS
        self._part_left = FLOOR_PART_SLOTS


@cache  # one for each floor from MIN_FLOOR to MAX_FLOOR
def _band_table(floor: int) -> bytes:
    least = floor + MARGIN_DB
    return bytes(min(MAX_BAND, (level - least) // BAND_DB + 1) if level >= least else 0 for level in range(256))

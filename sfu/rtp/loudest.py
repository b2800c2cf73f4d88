"""Which voices of a room are forwarded when only so many are: the loudest, with patience for those who pause."""

HANG_OVER_S = 0.4
"""How long who falls silent keeps the loudness of before: the end of a word is soft, and words have gaps."""

DECAY_DB_PER_S = 40
"""How fast it is lost then: soon to a voice that is as loud, in another second to the noise of a room."""

HYSTERESIS_DB = 3
"""By how much a newcomer has to be louder: who speak equally loud keep their places."""

REVIEW_EVERY_S = 0.02
"""How long the comparison stays good: a packet's time. Until then a newcomer is held against a bar that has sunk
by a decibel or two meanwhile."""

_AT_ONCE = float("-inf")


class Contender:
    """One voice's place, or wish for one: `is_known` once it has told a loudness."""

    __slots__ = ("_loudness", "_loudness_at", "_previous", "has_place", "is_known")

    def __init__(self) -> None:
        self.has_place = False
        self.is_known = False
        self._previous = 0
        self._loudness = 0.0
        self._loudness_at = 0.0

    @property
    def forwarded(self) -> bool:
        """Whether its packets go on."""
        return self.has_place or not self.is_known

    def standing(self, now: float) -> float:
        """Return the loudness that counts: what was heard lately, fading to 0."""
        fading = now - self._loudness_at - HANG_OVER_S
        return max(0.0, self._loudness - fading * DECAY_DB_PER_S) if fading > 0 else self._loudness

    def hear(self, loudness: int, now: float) -> None:
        """Take in the loudness of a packet; a single one that is louder than its neighbours counts for half."""
        level = (loudness + self._previous) / 2
        self._previous = loudness
        if level >= self.standing(now):
            self._loudness, self._loudness_at = level, now

    def forget(self) -> None:
        """Be as new, as after a pause."""
        self.has_place = self.is_known = False
        self._previous, self._loudness = 0, 0.0


class Loudest:
    """Give `limit` places (at least 1) to the loudest contenders; one who is favoured always has one.

    Who never tells a loudness is forwarded and takes no place.
    """

    __slots__ = ("_bar", "_favoured", "_limit", "_places", "_review_at", "_softest")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._places: dict[Contender, None] = {}
        self._favoured: Contender | None = None
        self._softest: Contender | None = None
        self._bar = 0.0
        self._review_at = _AT_ONCE

    def heard(self, contender: Contender, loudness: int, now: float) -> None:
        """Take in the loudness of a contender's packet, which may win it a place, and cost another one's."""
        contender.hear(loudness, now)
        if contender.has_place:
            return
        contender.is_known = True
        if len(self._places) < self._limit:
            self._admit(contender)
            return
        if now >= self._review_at:
            self._review(now)
        if self._softest is not None and contender.standing(now) > self._bar + HYSTERESIS_DB:
            self._displace(self._softest)
            self._admit(contender)

    def favour(self, contender: Contender, now: float) -> None:
        """Give a contender, the speaker, a place that nobody takes; the one before has an ordinary place."""
        self._favoured = contender
        self._review_at = _AT_ONCE
        if contender.forwarded:
            return
        self._review(now)
        if len(self._places) >= self._limit and self._softest is not None:
            self._displace(self._softest)
        self._admit(contender)

    def leave(self, contender: Contender) -> None:
        """Free the place of a contender that is paused or closed."""
        self._places.pop(contender, None)
        if self._favoured is contender:
            self._favoured = None
        contender.forget()
        self._review_at = _AT_ONCE

    def _admit(self, contender: Contender) -> None:
        contender.has_place = True
        self._places[contender] = None
        self._review_at = _AT_ONCE

    def _displace(self, contender: Contender) -> None:
        contender.has_place = False
        del self._places[contender]

    def _review(self, now: float) -> None:
        contested = [contender for contender in self._places if contender is not self._favoured]
        self._softest = min(contested, key=lambda contender: contender.standing(now), default=None)
        self._bar = self._softest.standing(now) if self._softest is not None else 0.0
        self._review_at = now + REVIEW_EVERY_S

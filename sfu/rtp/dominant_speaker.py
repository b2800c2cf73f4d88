"""Who has the floor, told from the loudness of everybody's packets.

I. Volfin and I. Cohen, "Dominant speaker identification for multipoint videoconferencing", IEEE 27th Convention of
Electrical and Electronics Engineers in Israel, 2012 (in full: Computer Speech and Language 27(4), 2013). Speech is
measured over three times: the moment, a word and a second or so. Each measure is a count, and its score says how
much more likely that count is in speech, where it is binomial, than in its absence, where it is exponential. The
speaker changes when another one's scores exceed those of the present one by a threshold in all three.

Ours differs from the paper's algorithm where levels and a server ask for it:

- A slot's count is its loudness above the voice's own noise, in bands; the paper has the spectrum for that.
- It decides a few times a second and not with every packet; the moment is therefore a block's mean.
- Who takes over must have spoken for half of the last second, and twice as much of it as who had the floor: a
  cough into somebody's pause is no turn, and two who speak at once do not alternate. What does not vary in
  loudness is no speech.
"""

from collections.abc import Iterable
from math import comb, log
from typing import NamedTuple

from sfu.rtp.voice_activity import AUDIBLE, MAX_BAND, SLOTS, VoiceActivity

BLOCK_SLOTS = 5
BLOCKS = SLOTS // BLOCK_SLOTS
"""N2 and N3 of the paper: slots to a block, which is 100 ms, and blocks to the long time, a second."""

ACTIVE_SLOTS = 3
"""A block counts as speech when so many of its slots stand out: a click is shorter."""

IMMEDIATE_RATE, MEDIUM_RATE, LONG_RATE = 0.78, 24.0, 47.0
"""The rates of the exponential distributions in the absence of speech."""

SPEECH_PROBABILITY = 0.5
"""Of each trial of the binomial distributions in its presence."""

MIN_SCORE = 1e-10
"""Scores have no logarithm at zero."""

IMMEDIATE_THRESHOLD, MEDIUM_THRESHOLD = 3.0, 2.0
"""C1 and C2 of the paper: by these logarithms the scores of the newcomer exceed. In effect the present speaker has
to be silent at the moment."""

LONG_THRESHOLD = log(2)
"""C3; the paper has none, 0. The long score grows evenly with the blocks, so this is twice as many of them."""

MIN_LONG = 5
"""Blocks of speech, half of a second, without which nobody takes the floor, nor gets it when it is free."""


class SpeechScores(NamedTuple):
    """Logarithms of the scores of one voice, and the count of its active blocks."""

    immediate: float
    medium: float
    long: float
    active_blocks: int


def _log_scores(trials: int, rate: float) -> tuple[float, ...]:
    """Tabulate the logarithms of the scores of the counts 0 to `trials`."""
    absent_or_not = trials * log(SPEECH_PROBABILITY) - log(rate)  # both outcomes are equally probable
    scores = (log(comb(trials, count)) + absent_or_not + rate * count for count in range(trials + 1))
    return tuple(log(max(score, MIN_SCORE)) for score in scores)


_IMMEDIATE = _log_scores(MAX_BAND, IMMEDIATE_RATE)
_MEDIUM = _log_scores(BLOCK_SLOTS, MEDIUM_RATE)
_LONG = _log_scores(BLOCKS, LONG_RATE)
_SILENCE = SpeechScores(_IMMEDIATE[0], _MEDIUM[0], _LONG[0], 0)


def speech_scores(bands: bytes) -> SpeechScores:
    """Score the last second of a voice, from `VoiceActivity.bands`."""
    counts = [BLOCK_SLOTS - bands.count(0, at, at + BLOCK_SLOTS) for at in range(0, SLOTS, BLOCK_SLOTS)]
    immediate = round(sum(bands[-BLOCK_SLOTS:]) / BLOCK_SLOTS)
    active = sum(count >= ACTIVE_SLOTS for count in counts)
    return SpeechScores(_IMMEDIATE[immediate], _MEDIUM[counts[-1]], _LONG[active], active)


class DominantSpeaker:
    """Follow the voices of one room. `current` is who has the floor, and keeps it until another one takes it.

    Feed `heard` for each packet and ask `decide` a few times a second while `is_idle` is false.
    """

    __slots__ = ("_audible", "current")

    def __init__(self) -> None:
        self.current: VoiceActivity | None = None
        self._audible: dict[VoiceActivity, None] = {}  # who may have spoken in the last second, in order

    @property
    def is_idle(self) -> bool:
        """Whether nobody can have spoken lately, so that there is nothing to decide."""
        return not self._audible

    def heard(self, voice: VoiceActivity, loudness: int, now: float) -> None:
        """Take in the loudness of a packet."""
        voice.heard(loudness, now)
        if loudness >= AUDIBLE and voice not in self._audible:
            self._audible[voice] = None

    def leave(self, voice: VoiceActivity) -> None:
        """Let a voice go that is paused or closed; the floor is free if it was the speaker's."""
        voice.forget()
        self._audible.pop(voice, None)
        if self.current is voice:
            self.current = None

    def decide(self, now: float) -> VoiceActivity | None:
        """Return the new speaker if it has changed, else `None`."""
        scores = self._measure(now)
        present = self.current
        if present is None:
            candidates: Iterable[VoiceActivity] = scores
        else:
            against = scores.get(present, _SILENCE)
            candidates = [voice for voice, theirs in scores.items() if _exceeds(theirs, against)]
        able = [voice for voice in candidates if scores[voice].active_blocks >= MIN_LONG and not voice.is_steady()]
        if not able:
            return None
        self.current = max(able, key=lambda voice: scores[voice][1:3])
        return self.current

    def _measure(self, now: float) -> dict[VoiceActivity, SpeechScores]:
        for voice in list(self._audible):
            voice.catch_up(now)
            if not voice.is_audible:
                del self._audible[voice]
        return {voice: speech_scores(voice.bands()) for voice in self._audible}


def _exceeds(theirs: SpeechScores, present: SpeechScores) -> bool:
    return (
        theirs.immediate - present.immediate > IMMEDIATE_THRESHOLD
        and theirs.medium - present.medium > MEDIUM_THRESHOLD
        and theirs.long - present.long >= LONG_THRESHOLD
    )

"""Loudness as microphones would tell it, 20 ms a value: speech, noise, bursts; and who is found to speak."""

import random
from collections.abc import Mapping, Sequence

from sfu.rtp.dominant_speaker import DominantSpeaker
from sfu.rtp.voice_activity import VoiceActivity

SLOT_S = 0.02
TICK_S = 0.3
QUIET_ROOM_DBOV = -65

Levels = list[int]


def seeded(seed: int) -> random.Random:
    """Return chance that is the same every time."""
    return random.Random(seed)  # noqa: S311 - it guards nothing


def _slots(seconds: float) -> int:
    return round(seconds / SLOT_S)


def _loudness(dbov: float) -> int:
    return max(0, min(127, 127 + round(dbov)))


def room_noise(rng: random.Random, seconds: float, dbov: float = QUIET_ROOM_DBOV) -> Levels:
    """A steady noise: of a quiet room, or of a fan."""
    return [_loudness(dbov + rng.gauss(0, 1.2)) for _ in range(_slots(seconds))]


def speech(rng: random.Random, seconds: float, dbov: float = -25, noise_dbov: float = QUIET_ROOM_DBOV) -> Levels:
    """Phrases of syllables, some five a second, with dips between them, and pauses of up to 0.7 s for breath."""
    levels: Levels = []
    while len(levels) < _slots(seconds):
        for _ in range(rng.randint(4, 14)):
            peak, length = dbov + rng.gauss(0, 4), rng.randint(7, 13)
            rising = [min(1.0, (n + 1) / 3) for n in range(length)]
            levels += [_loudness(peak - 18 * (1 - part) + rng.gauss(0, 2)) for part in rising]
            levels += [_loudness(peak - 22 + rng.gauss(0, 3)) for _ in range(rng.randint(1, 3))]
        levels += room_noise(rng, rng.uniform(0.15, 0.7), noise_dbov)
    return levels[: _slots(seconds)]


def silence(seconds: float) -> Levels:
    """A microphone that is switched off."""
    return [0] * _slots(seconds)


def burst(rng: random.Random, seconds: float, dbov: float = -10) -> Levels:
    """A cough, a door."""
    return [_loudness(dbov + rng.gauss(0, 3)) for _ in range(_slots(seconds))]


class Conversation:
    """A room whose clock runs in steps of a packet; `turns` are the changes of the speaker, with their times."""

    def __init__(self, start: float = 5000.0) -> None:
        self.now = start
        self.room = DominantSpeaker()
        self.voices: dict[str, VoiceActivity] = {}
        self.turns: list[tuple[float, str]] = []
        self._start = start
        self._tick_at = start + TICK_S

    @property
    def speakers(self) -> list[str]:
        """Who had the floor, in order."""
        return [name for _, name in self.turns]

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return self.now - self._start

    def voice(self, name: str) -> VoiceActivity:
        """Return somebody's voice; made when it is first asked for."""
        return self.voices.setdefault(name, VoiceActivity(name))

    def play(self, levels: Mapping[str, Sequence[int | None]]) -> None:
        """Let these be heard at one time; `None` is no packet."""
        for slot in range(max(len(each) for each in levels.values())):
            for name, each in levels.items():
                level = each[slot] if slot < len(each) else None
                if level is not None:
                    self.room.heard(self.voice(name), level, self.now)
            self.now += SLOT_S
            if self.now >= self._tick_at:
                self._tick_at += TICK_S
                changed = self.room.decide(self.now)
                if changed is not None:
                    self.turns.append((self.seconds, changed.name))

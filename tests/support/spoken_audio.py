"""A sound file that a browser takes for a microphone: syllables of a voice, with pauses."""

import math
import wave
from array import array
from pathlib import Path

from tests.support.conversation import SLOT_S, seeded, speech

SAMPLE_RATE = 48_000
PITCH_HZ = 130
HARMONICS = 12


def write_speech(path: Path, seconds: float) -> None:
    """Write a mono WAV file of a buzzing voice whose loudness goes as `conversation.speech` has it."""
    period = [
        sum(math.sin(2 * math.pi * n * at * PITCH_HZ / SAMPLE_RATE) / n for n in range(1, HARMONICS))
        for at in range(SAMPLE_RATE // PITCH_HZ)
    ]
    peak = max(abs(value) for value in period)
    samples = array("h")
    for level in speech(seeded(1), seconds, dbov=-12, noise_dbov=-100):
        amplitude = 32767 * 10 ** ((level - 127) / 20)
        start = len(samples)
        for at in range(start, start + round(SAMPLE_RATE * SLOT_S)):
            samples.append(round(amplitude * period[at % len(period)] / peak))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.tobytes())

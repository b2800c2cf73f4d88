"""Listens to all voices of a router: who is the active speaker, and whose packets are forwarded."""

from typing import Protocol

from sfu.rtp.dominant_speaker import DominantSpeaker
from sfu.rtp.loudest import Loudest
from sfu.rtp.voice_activity import VoiceActivity
from sfu.worker.producer import Producer
from sfu.worker.voice import Voice
from shared.rtp_parameters import uris

DECIDE_EVERY_S = 0.3
"""How often the speaker may change. Listeners notice no difference to deciding with every packet."""


class AudioObserverParent(Protocol):
    """The router, as its audio observer needs it."""

    def speaker_changed(self, producer_id: str, volume: int) -> None:
        """Tell whose turn it is, and how loud that was, in dBov."""

    def wake_at(self, when: float) -> None:
        """Have `handle_timeout` called at `when`."""


class AudioObserver:
    """Hears every packet with an audio level (RFC 6464); `last_n` voices are forwarded, all of them when it is 0.

    Publishers that have not negotiated the level are heard by nobody here: they never become the active speaker,
    and are always forwarded. That their packets are not Opus's silence would say nothing of who speaks.
    While nobody is audible nothing is due.
    """

    def __init__(self, parent: AudioObserverParent, last_n: int) -> None:
        self._parent = parent
        self._speakers = DominantSpeaker()
        self._loudest = Loudest(last_n) if last_n else None
        self._voices: dict[VoiceActivity, Voice] = {}
        self._is_armed = False

    def add(self, producer: Producer) -> None:
        """Listen to a producer, if it has a voice."""
        extension_id = producer.extension_ids.get(uris.SSRC_AUDIO_LEVEL)
        if producer.kind == "audio" and extension_id is not None:
            voice = producer.voice = Voice(producer.id, extension_id, self, competes=self._loudest is not None)
            self._voices[voice.activity] = voice

    def remove(self, producer: Producer) -> None:
        """Forget a producer that is closed."""
        voice, producer.voice = producer.voice, None
        if voice is not None:
            self.fell_silent(voice)
            del self._voices[voice.activity]

    def heard(self, voice: Voice, loudness: int, now: float) -> None:
        """See `VoiceParent`."""
        self._speakers.heard(voice.activity, loudness, now)
        if self._loudest is not None and voice.contender is not None:
            self._loudest.heard(voice.contender, loudness, now)
        if not self._is_armed and not self._speakers.is_idle:
            self._is_armed = True
            self._parent.wake_at(now + DECIDE_EVERY_S)

    def fell_silent(self, voice: Voice) -> None:
        """See `VoiceParent`."""
        self._speakers.leave(voice.activity)
        if self._loudest is not None and voice.contender is not None:
            self._loudest.leave(voice.contender)

    def handle_timeout(self, now: float) -> None:
        """Decide who speaks."""
        speaker = self._speakers.decide(now)
        self._is_armed = not self._speakers.is_idle
        if self._is_armed:
            self._parent.wake_at(now + DECIDE_EVERY_S)
        if speaker is not None:
            contender = self._voices[speaker].contender
            if self._loudest is not None and contender is not None:
                self._loudest.favour(contender, now)
            self._parent.speaker_changed(speaker.name, speaker.volume())

"""What a router hears of one producer of audio, from the loudness that its packets tell."""

from typing import Protocol

from sfu.rtp.audio_level import read_loudness
from sfu.rtp.loudest import Contender
from sfu.rtp.packet import Buffer, RtpHeader
from sfu.rtp.voice_activity import VoiceActivity


class VoiceParent(Protocol):
    """The observer of the router's voices, as one of them needs it."""

    def heard(self, voice: "Voice", loudness: int, now: float) -> None:
        """Take in the loudness of a packet."""

    def fell_silent(self, voice: "Voice") -> None:
        """Take note that no packet comes for now."""


class Voice:
    """A producer's voice; `extension_id` is the publisher's for audio levels.

    `contender` is there when only some voices are forwarded.

    For each packet the producer asks `admits`, and tells `heard` what the packet's level was: that is found on the
    way, when the packet's extensions are mapped.
    """

    __slots__ = ("_extension_id", "_is_heard", "_parent", "activity", "contender")

    def __init__(self, producer_id: str, extension_id: int, parent: VoiceParent, *, competes: bool) -> None:
        self.activity = VoiceActivity(producer_id)
        self.contender = Contender() if competes else None
        self._extension_id = extension_id
        self._parent = parent
        self._is_heard = False

    @property
    def producer_id(self) -> str:
        """Whose voice it is."""
        return self.activity.name

    def admits(self, packet: Buffer, header: RtpHeader, now: float) -> bool:
        """Tell whether a packet is to be forwarded: not while others are louder and only some are forwarded."""
        contender = self.contender
        if contender is None or contender.has_place:
            return True
        loudness = read_loudness(packet, header, self._extension_id)
        if loudness is not None:
            self._parent.heard(self, loudness, now)
            self._is_heard = contender.forwarded
        return contender.forwarded

    def heard(self, loudness: int | None, now: float) -> None:
        """Take in the level of a packet that is forwarded, if it has one."""
        if self._is_heard:  # by `admits`
            self._is_heard = False
        elif loudness is not None:
            self._parent.heard(self, loudness, now)

    def fall_silent(self) -> None:
        """Stop being a candidate: the producer is paused."""
        self._parent.fell_silent(self)

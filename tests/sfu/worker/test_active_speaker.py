"""Packets with audio levels go in, and the router tells who speaks."""

from typing import Any

import pytest

from sfu.worker.audio_observer import DECIDE_EVERY_S
from sfu.worker.producer import Producer
from sfu.worker.webrtc_transport import WebRtcTransport
from tests.support.conversation import Levels, burst, room_noise, seeded, silence, speech
from tests.support.media_rig import MediaRig, audio
from tests.support.rtp_samples import producer_parameters

PROMPT_S = 1.2
PACKET_S = 0.02


class Talk:
    """A room of people with microphones, one transport each."""

    def __init__(self, rig: MediaRig) -> None:
        self.rig = rig
        self.transports: dict[str, WebRtcTransport] = {}
        self.producers: dict[str, Producer] = {}
        self._sequence = 0

    def enter(self, name: str, **fields: Any) -> Producer:
        transport = self.transports[name] = self.rig.transport()
        producer = self.producers[name] = self.rig.produce(transport, "audio", **fields)
        return producer

    def play(self, levels: dict[str, Levels], **fields: Any) -> None:
        """Let these be sent at one time, 20 ms a packet; with `dbov=None` without a level."""
        for slot in range(max(len(each) for each in levels.values())):
            self._sequence += 1
            for name, each in levels.items():
                if slot < len(each):
                    options = {"dbov": each[slot] - 127, "timestamp": 960 * self._sequence, **fields}
                    self.rig.receive(self.transports[name], audio(self._sequence, **options))
            self.rig.advance(PACKET_S)

    @property
    def told(self) -> list[dict[str, Any]]:
        return [data for event, data in self.rig.notifications if event == "router.activeSpeaker"]

    @property
    def speakers(self) -> list[str]:
        names = {producer.id: name for name, producer in self.producers.items()}
        return [names[data["producerId"]] for data in self.told]


@pytest.fixture
def talk(rig: MediaRig) -> Talk:
    return Talk(rig)


def test_the_speaker_is_told_promptly_with_the_volume(talk: Talk) -> None:
    ada = talk.enter("ada")
    talk.enter("bela")
    rng = seeded(1)
    talk.play({"ada": speech(rng, PROMPT_S, dbov=-25), "bela": room_noise(rng, PROMPT_S)})
    [told] = talk.told
    assert told == {"routerId": "room", "producerId": ada.id, "volume": told["volume"]}
    assert isinstance(told["volume"], int)
    assert -40 < told["volume"] < -20


def test_turns_are_told_and_coughs_are_not(talk: Talk) -> None:
    for name in ("ada", "bela", "carol"):
        talk.enter(name)
    rng = seeded(2)
    talk.play(
        {
            "ada": speech(rng, 4) + room_noise(rng, 4),
            "bela": room_noise(rng, 4) + speech(rng, 4),
            "carol": (room_noise(rng, 0.7) + burst(rng, 0.3)) * 8,
        }
    )
    assert talk.speakers == ["ada", "bela"]


@pytest.mark.parametrize("ending", ["pause", "close"])
def test_who_is_paused_or_closed_is_no_candidate_any_more(talk: Talk, ending: str) -> None:
    ada = talk.enter("ada")
    talk.enter("bela")
    rng = seeded(3)
    talk.play({"ada": speech(rng, 0.5)})
    if ending == "pause":
        ada.pause(talk.rig.now)
    else:
        talk.transports["ada"].remove_producer(ada)
        talk.rig.router.remove_producer(ada)
        ada.close()
    talk.play({"ada": speech(rng, 2)})
    assert talk.told == []
    talk.play({"ada": speech(rng, PROMPT_S), "bela": speech(rng, PROMPT_S)})
    assert talk.speakers == ["bela"]


def test_a_paused_speaker_is_told_again_after_it(talk: Talk) -> None:
    ada = talk.enter("ada")
    rng = seeded(4)
    talk.play({"ada": speech(rng, 2)})
    ada.pause(talk.rig.now)
    talk.play({"ada": speech(rng, 2)})
    assert talk.speakers == ["ada"]
    ada.resume(talk.rig.now)
    talk.play({"ada": speech(rng, 2)})
    assert talk.speakers == ["ada", "ada"]


def test_packets_without_levels_tell_nothing(talk: Talk) -> None:
    talk.enter("ada")
    talk.play({"ada": speech(seeded(5), 2)}, dbov=None)
    assert talk.told == []


def test_a_publisher_without_the_extension_is_not_listened_to(talk: Talk) -> None:
    extensions = [
        extension
        for extension in producer_parameters("chromium", "audio")["headerExtensions"]
        if "audio-level" not in extension["uri"]
    ]
    producer = talk.enter("ada", headerExtensions=extensions)
    assert producer.voice is None
    talk.play({"ada": speech(seeded(6), 2)})
    assert talk.told == []


def test_video_has_no_voice(rig: MediaRig) -> None:
    assert rig.produce(rig.transport()).voice is None


def test_in_a_silent_room_nothing_is_due(talk: Talk) -> None:
    talk.enter("ada")
    talk.play({"ada": silence(1)})
    assert talk.rig.router not in talk.rig.due
    talk.play({"ada": speech(seeded(7), 1)})
    assert talk.rig.due[talk.rig.router] <= talk.rig.now + DECIDE_EVERY_S
    talk.play({"ada": silence(2)})
    assert talk.rig.router not in talk.rig.due


def test_a_closed_router_wants_no_time(talk: Talk) -> None:
    talk.enter("ada")
    talk.play({"ada": speech(seeded(8), 1)})
    talk.rig.router.close()
    assert talk.rig.router not in talk.rig.due


def test_speaker_changes_are_few_whatever_is_sent(talk: Talk) -> None:
    rng = seeded(9)
    names = [f"p{n}" for n in range(6)]
    for name in names:
        talk.enter(name)
    levels = {name: [rng.choice([0, 40, 80, 110, 127]) for _ in range(500)] for name in names}
    talk.play(levels)
    assert len(talk.told) <= 10 / DECIDE_EVERY_S

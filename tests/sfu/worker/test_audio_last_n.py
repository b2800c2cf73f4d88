"""Only the loudest voices are forwarded, when the router is told so."""

from typing import Any

import pytest

from sfu.worker.consumer import Consumer
from sfu.worker.producer import Producer
from sfu.worker.webrtc_transport import WebRtcTransport
from tests.support.conversation import Levels, room_noise, seeded, speech
from tests.support.media_rig import MediaRig, RecordingLink, audio
from tests.support.rtp_packets import BOUNDARIES
from tests.support.rtp_samples import producer_parameters

PACKET_S = 0.02
LOUD, SOFT = 105, 80


class Choir:
    """People with microphones, and one who listens to all of them."""

    def __init__(self, people: int, *, last_n: int, first_sequence: int = 0, **fields: Any) -> None:
        self.rig = MediaRig(audio_last_n=last_n)
        self.transports: list[WebRtcTransport] = [self.rig.transport() for _ in range(people)]
        self.producers: list[Producer] = [self.rig.produce(each, "audio", **fields) for each in self.transports]
        self.listener = self.rig.transport()
        self.consumers: list[Consumer] = [
            self.rig.consume(self.listener, producer, mid=str(n)) for n, producer in enumerate(self.producers)
        ]
        self._sequence = first_sequence
        self._timestamp = 0

    def play(self, levels: dict[int, Levels]) -> None:
        for slot in range(max(len(each) for each in levels.values())):
            self._sequence += 1
            self._timestamp += 960
            for who, each in levels.items():
                if slot < len(each):
                    packet = audio(self._sequence, timestamp=self._timestamp, dbov=each[slot] - 127)
                    self.rig.receive(self.transports[who], packet)
            self.rig.advance(PACKET_S)

    def heard(self) -> dict[int, list[int]]:
        """Return the sequence numbers that came of each since the last time."""
        link = self.listener.link
        assert isinstance(link, RecordingLink)
        of: dict[int, list[int]] = {}
        for packet in link.sent:
            of.setdefault(int(packet.mid), []).append(packet.sequence_number)
        link.sent.clear()
        return of


def test_off_by_default_and_all_are_heard() -> None:
    choir = Choir(6, last_n=0)
    choir.play({n: [SOFT] * 10 for n in range(6)})
    assert {who: len(numbers) for who, numbers in choir.heard().items()} == dict.fromkeys(range(6), 10)


def test_with_as_many_as_there_are_all_are_heard() -> None:
    choir = Choir(3, last_n=3)
    choir.play({0: [LOUD] * 10, 1: [SOFT] * 10, 2: [0] * 10})
    assert {who: len(numbers) for who, numbers in choir.heard().items()} == {0: 10, 1: 10, 2: 10}


def test_the_softer_ones_are_left_out_and_let_in_when_they_speak_up() -> None:
    choir = Choir(4, last_n=2)
    choir.play({0: [LOUD] * 10, 1: [LOUD - 10] * 10, 2: [SOFT] * 10, 3: [0] * 10})
    heard = choir.heard()
    assert {who: len(numbers) for who, numbers in heard.items()} == {0: 10, 1: 10}
    choir.play({0: [LOUD] * 10, 1: [LOUD - 10] * 10, 2: [LOUD] * 10, 3: [0] * 10})
    heard = choir.heard()
    assert len(heard[0]) == 10
    assert len(heard[2]) >= 9, "let in with the second packet at the latest"
    assert len(heard.get(1, [])) <= 2


@pytest.mark.parametrize("first", BOUNDARIES)
def test_numbers_close_up_over_what_was_left_out_and_time_does_not(first: int) -> None:
    choir = Choir(2, last_n=1, first_sequence=first - 20)
    choir.play({0: [SOFT] * 15, 1: [0] * 15})
    choir.play({0: [0] * 60, 1: [LOUD] * 60})
    choir.play({0: [LOUD] * 60, 1: [0] * 60})
    link = choir.listener.link
    assert isinstance(link, RecordingLink)
    sent = [packet for packet in link.sent if packet.mid == b"0"]
    numbers = [packet.sequence_number for packet in sent]
    assert 40 < len(numbers) < 120
    assert numbers == [(numbers[0] + n) & 0xFFFF for n in range(len(numbers))]
    last = sent[-1].timestamp - sent[0].timestamp
    assert last == 134 * 960, "the clock goes on while nothing is forwarded"


def test_what_was_left_out_is_not_sent_on_request_either() -> None:
    [opus] = producer_parameters("chromium", "audio")["codecs"]
    choir = Choir(2, last_n=1, codecs=[{**opus, "rtcpFeedback": [{"type": "nack", "parameter": ""}]}])
    choir.play({0: [SOFT] * 15, 1: [0] * 15})
    choir.play({0: [SOFT] * 10, 1: [LOUD] * 10})
    [*_, last] = choir.heard()[0]
    asked = tuple((last + n) & 0xFFFF for n in range(20))
    choir.consumers[0].receive_nack(asked, choir.rig.now)
    assert choir.heard() == {0: [last]}


def test_the_speaker_is_forwarded_among_louder_noise() -> None:
    rng = seeded(1)
    choir = Choir(4, last_n=2)
    fans = {n: room_noise(rng, 6, dbov=-20) for n in (1, 2, 3)}
    choir.play({0: speech(rng, 6, dbov=-40), **fans})
    choir.heard()
    choir.play({0: speech(rng, 2, dbov=-40), **{n: room_noise(rng, 2, dbov=-20) for n in fans}})
    heard = choir.heard()
    assert len(heard[0]) == 100
    assert sum(len(numbers) for numbers in heard.values()) == 200


def test_producers_without_levels_are_always_forwarded() -> None:
    extensions = [
        extension
        for extension in producer_parameters("chromium", "audio")["headerExtensions"]
        if "audio-level" not in extension["uri"]
    ]
    choir = Choir(3, last_n=1, headerExtensions=extensions)
    choir.play({n: [LOUD] * 10 for n in range(3)})
    assert {who: len(numbers) for who, numbers in choir.heard().items()} == {0: 10, 1: 10, 2: 10}


def test_a_closed_or_paused_voice_makes_room_at_once() -> None:
    choir = Choir(3, last_n=1)
    choir.play({0: [LOUD] * 10, 1: [SOFT] * 10, 2: [SOFT] * 10})
    choir.heard()
    choir.producers[0].pause(choir.rig.now)
    choir.play({1: [SOFT] * 10, 2: [SOFT] * 10})
    assert {who: len(numbers) for who, numbers in choir.heard().items()} == {1: 10}
    choir.rig.router.remove_producer(choir.producers[1])
    choir.play({2: [SOFT] * 10})
    assert len(choir.heard()[2]) == 10


def test_a_consumer_that_comes_while_its_producer_is_left_out_hears_it_later() -> None:
    choir = Choir(2, last_n=1)
    choir.play({0: [LOUD] * 10, 1: [SOFT] * 10})
    choir.heard()
    choir.consumers[1].pause(choir.rig.now)
    choir.consumers[1].resume(choir.rig.now)
    choir.play({0: [LOUD] * 10, 1: [SOFT] * 10})
    assert 1 not in choir.heard()
    choir.play({0: [0] * 60, 1: [LOUD] * 60})
    assert len(choir.heard()[1]) > 20


def test_leaving_out_touches_no_consumer() -> None:
    choir = Choir(2, last_n=1)
    choir.play({0: [LOUD] * 10, 1: [SOFT] * 10})
    touched: list[str] = []
    consumer = choir.consumers[1]
    for name in ("deliver", "skip", "interrupt"):
        setattr(consumer, name, lambda *_args, _name=name, **_kwargs: touched.append(_name))
    choir.play({0: [LOUD] * 50, 1: [SOFT] * 50})
    assert touched == []


def test_no_bandwidth_is_set_aside_for_who_is_left_out() -> None:
    choir = Choir(2, last_n=1)
    choir.play({0: [LOUD] * 60, 1: [SOFT] * 60})
    assert [len(consumer.layer_options(choir.rig.now)) for consumer in choir.consumers] == [1, 0]
    choir.play({0: [0] * 60, 1: [LOUD] * 60})
    assert [len(consumer.layer_options(choir.rig.now)) for consumer in choir.consumers] == [0, 1]


def test_loss_and_jitter_of_a_voice_that_is_left_out_are_accounted_for() -> None:
    choir = Choir(2, last_n=1)
    choir.play({0: [LOUD] * 50, 1: [SOFT] * 50})
    [stream] = choir.producers[1].streams
    assert stream.received.packets_received == 50
    assert stream.received.packets_lost == 0
    assert stream.received.jitter == pytest.approx(0, abs=1e-6)


def test_a_hundred_voices_and_five_of_them_heard() -> None:
    choir = Choir(100, last_n=5)
    rng = seeded(3)
    talkers = {n: speech(rng, 3, dbov=-22) for n in (10, 20, 30)}
    choir.play({n: talkers.get(n) or room_noise(rng, 3, dbov=rng.uniform(-70, -55)) for n in range(100)})
    heard = choir.heard()
    assert all(len(heard[n]) > 130 for n in talkers)
    forwarded = sum(len(numbers) for numbers in heard.values())
    assert forwarded <= 5 * 150 + 20, "five a moment, and one more where a place changes hands"

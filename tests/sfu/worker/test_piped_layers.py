"""Layers and voices of a room on two workers: what is chosen away from home, and what is not carried there."""

from sfu.rtp.layers import Layers
from sfu.worker.layering import STEADY_S
from sfu.worker.wanted_layers import LOWER_AFTER_S
from tests.support.layered_video import FRAME_S, LayeredCall, assert_continuous
from tests.support.media_rig import audio
from tests.support.piped_rooms import PipedRooms


def test_a_simulcast_consumer_away_gets_what_it_prefers() -> None:
    rooms = PipedRooms()
    call = LayeredCall(rooms.home)
    call.consumer.prefer(0, None, rooms.home.now)
    piped = rooms.pipe(call.producer)
    there = rooms.away.transport()
    consumer = rooms.away.consume(there, piped)
    rooms.carry()
    call.play(60, key={0, 1, 2})
    assert consumer.layers == Layers(2, 2)
    consumer.prefer(1, 1, rooms.away.now)
    rooms.carry()
    call.play(1, key={1})
    call.play(60)
    assert consumer.layers == Layers(1, 1)
    consumer.allot(Layers(0, 0), rooms.away.now)
    call.play(1, key={0})
    call.play(60)
    assert consumer.layers == Layers(0, 0)
    assert_continuous(there.link.sent)


def test_layers_that_only_somebody_away_wants_are_asked_of_the_publisher() -> None:
    rooms = PipedRooms()
    call = LayeredCall(rooms.home)
    piped = rooms.pipe(call.producer)
    there = rooms.away.transport()
    consumer = rooms.away.consume(there, piped)
    call.consumer.prefer(0, None, rooms.home.now)
    consumer.prefer(1, None, rooms.away.now)
    rooms.carry()
    call.play(round((2 * LOWER_AFTER_S + 1) / FRAME_S), key={0, 1, 2})
    assert list(call.wanted()) == [1]
    consumer.prefer(2, None, rooms.away.now)
    rooms.carry()
    assert list(call.wanted()) == [1, 2]
    consumer.pause(rooms.away.now)
    rooms.carry()
    call.play(round((2 * LOWER_AFTER_S + 1) / FRAME_S))
    assert list(call.wanted()) == [1, 2, 0]
    consumer.resume(rooms.away.now)
    rooms.carry()
    assert list(call.wanted()) == [1, 2, 0, 2]


def test_an_encoding_that_dies_is_left_away_as_well() -> None:
    rooms = PipedRooms()
    call = LayeredCall(rooms.home)
    there = rooms.away.transport()
    consumer = rooms.away.consume(there, rooms.pipe(call.producer))
    rooms.carry()
    call.play(30, key={0, 1, 2})
    call.silent = {2}
    call.play(round((STEADY_S + 1) / FRAME_S), key={1})
    call.play(1, key={1})
    call.play(10)
    assert consumer.layers is not None
    assert consumer.layers.spatial == 1
    assert_continuous(there.link.sent)


def test_a_voice_that_is_left_out_is_not_carried_and_leaves_no_gap() -> None:
    rooms = PipedRooms(audio_last_n=1)
    speakers = [rooms.home.transport() for _ in range(2)]
    producers = [rooms.home.produce(each, "audio") for each in speakers]
    there = rooms.away.transport()
    consumers = [
        rooms.away.consume(there, rooms.pipe(producer), mid=str(n)) for n, producer in enumerate(producers)
    ]
    rooms.carry()
    number = 0

    def play(levels: tuple[int, int], packets: int) -> None:
        nonlocal number
        for _ in range(packets):
            number += 1
            for transport, level in zip(speakers, levels, strict=True):
                rooms.home.receive(transport, audio(number, timestamp=960 * number, dbov=level))
            rooms.home.advance(0.02)

    play((-30, -127), 20)
    first = rooms.home_end.counters.packets_sent
    play((-127, -20), 60)
    assert consumers[0].producer.is_left_out
    assert not consumers[1].producer.is_left_out
    assert rooms.home_end.counters.packets_sent - first < 90
    play((-20, -127), 60)
    assert not consumers[0].producer.is_left_out
    for n in range(2):
        numbers = [packet.sequence_number for packet in there.link.sent if packet.mid == str(n).encode()]
        assert len(numbers) > 40
        assert numbers == [numbers[0] + each & 0xFFFF for each in range(len(numbers))]
    assert not any(event == "router.activeSpeaker" for event, _ in rooms.away.notifications)

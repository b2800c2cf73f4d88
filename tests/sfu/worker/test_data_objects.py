"""Data producers and data consumers of a worker, closed in every order there is."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.worker.data_channels import DataChannels
from sfu.worker.data_consumer import DataConsumer
from sfu.worker.data_objects import DataObjects
from sfu.worker.data_producer import DataProducer
from sfu.worker.errors import RefusedError
from sfu.worker.router import Router
from shared.rtp_parameters import RtpCapabilities
from shared.sctp_stream_parameters import SctpStreamParameters
from shared.transport_parameters import SctpParameters

TEXT = 51


class Link:
    """The data channels of a peer that reads nothing: `room` more messages can wait."""

    listener: Any

    def __init__(self, room: int) -> None:
        self.outgoing_streams = 4
        self.connected = True
        self.room = room
        self.sent: list[tuple[int, bytes]] = []
        self.reset: list[int] = []

    def send(self, stream_id: int, ppid: int, data: bytes, **_how: Any) -> bool:
        if not self.room:
            return False
        self.room -= 1
        self.sent.append((stream_id, data))
        return True

    def buffered(self, _stream_id: int) -> int:
        return 0

    def is_resetting(self, _stream_id: int) -> bool:
        return False

    def reset_stream(self, stream_id: int) -> None:
        self.reset.append(stream_id)


class Worker:
    """A worker with one router and two transports, as far as data goes."""

    def __init__(self, room: int = 1000) -> None:
        self.drops: Counter[str] = Counter()
        self.told: list[tuple[str, dict[str, Any]]] = []
        parent: Any = self
        self.objects = DataObjects(parent)
        self.router = Router("router", RtpCapabilities(), parent)
        self.links = [Link(room), Link(room)]
        self.channels = [DataChannels(link, SctpParameters(), self.drops, lambda: None) for link in self.links]

    def notify(self, event: str, data: dict[str, Any]) -> None:
        self.told.append((event, data))

    def fault(self, reason: str) -> None:
        raise AssertionError(reason)

    def produce(self, at: int, stream_id: int) -> DataProducer:
        name = f"producer {at} {stream_id}"
        producer = DataProducer(name, SctpStreamParameters(stream_id), "", "", paused=False)
        self.objects.add_producer(self.router, self.channels[at], producer)
        return producer

    def consume(self, at: int, producer: DataProducer, limit: int | None = None) -> DataConsumer:
        channels = self.channels[at]
        parameters = SctpStreamParameters(channels.take_stream(), limit is None, None, limit)
        name = f"consumer {at} {parameters.stream_id}"
        consumer = DataConsumer(name, producer, parameters, channels.link, self.objects, paused=False)
        self.objects.add_consumer(channels, consumer)
        return consumer

    @property
    def left(self) -> list[Any]:
        tables: list[Any] = [self.objects.producers, self.objects.consumers, self.objects._router_of]
        tables += [self.objects._channels_of, self.router.data_producers]
        return [table for one in self.channels for table in (one.producers, one.consumers)] + tables


STEPS = st.lists(st.tuples(st.sampled_from("pcPCTm"), st.integers(0, 1), st.integers(0, 5)), max_size=60)


@given(STEPS, st.integers(0, 30))
def test_whatever_is_closed_in_whatever_order_nothing_stays_behind(
    steps: list[tuple[str, int, int]], room: int
) -> None:
    worker = Worker(room)
    objects = worker.objects
    for kind, at, number in steps:
        producers, consumers = list(objects.producers.values()), list(objects.consumers.values())
        try:
            if kind == "p":
                worker.produce(at, number)
            elif kind == "c" and producers:
                worker.consume(at, producers[number % len(producers)], limit=number % 2 or None)
            elif kind == "P" and producers:
                list(objects.close_producer(producers[number % len(producers)]))
            elif kind == "C" and consumers:
                objects.close_consumer(consumers[number % len(consumers)])
            elif kind == "T":
                list(objects.close_all_of(worker.channels[at]))
            elif kind == "m":
                worker.channels[at].on_message(number, TEXT, b"x")
        except RefusedError:
            continue
        held = {consumer for producer in objects.producers.values() for consumer in producer.consumers}
        assert held == set(objects.consumers.values())
        assert objects.messages_sent == sum(len(link.sent) for link in worker.links)
    for channels in worker.channels:
        list(objects.close_all_of(channels))
    assert not any(worker.left)
    assert worker.drops["data_buffer_full"] == len(worker.told)


def test_a_reliable_consumer_without_room_is_closed_and_the_others_get_the_message() -> None:
    worker = Worker()
    producer = worker.produce(0, 0)
    slow, quick, loose = worker.consume(0, producer), worker.consume(1, producer), worker.consume(0, producer, 3)
    worker.links[0].room = 0
    assert worker.channels[0].on_message(0, TEXT, b"x") == 3
    assert worker.told == [("dataConsumer.closed", {"dataConsumerId": slow.id, "reason": "buffer-full"})]
    assert producer.consumers == [quick, loose]
    assert (quick.messages_sent, loose.messages_dropped) == (1, 1)
    assert worker.links[0].reset == [slow.parameters.stream_id]


def test_what_nobody_can_hear_is_not_counted_as_sent() -> None:
    worker = Worker()
    producer = worker.produce(0, 0)
    consumer = worker.consume(1, producer)
    worker.links[1].connected = False
    worker.channels[0].on_message(0, TEXT, b"x")
    assert (consumer.messages_sent, consumer.bytes_sent, worker.links[1].sent) == (0, 0, [])


def test_streams_go_round_and_those_of_producers_are_left_out() -> None:
    worker = Worker()
    producer = worker.produce(0, 1)
    first = worker.consume(0, producer)
    worker.objects.close_consumer(first)
    taken = [worker.consume(0, producer).parameters.stream_id for _ in range(3)]
    assert (first.parameters.stream_id, taken) == (0, [2, 3, 0])
    with pytest.raises(RefusedError):
        worker.consume(0, producer)

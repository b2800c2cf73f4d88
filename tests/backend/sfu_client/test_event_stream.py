"""What the messages of the SFU's event stream mean."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.sfu_port import (
    ConsumerClosed,
    Layers,
    LayersChanged,
    LayersWanted,
    ProducerClosed,
    RoomDoubtful,
    SfuEvent,
    SpeakerChanged,
)
from backend.sfu_client.events import EventStream, parse_event


class Listener:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def sfu_connected(self, epoch: str, *, draining: bool, missed_events: bool) -> None:
        self.told.append(("connected", epoch, draining, missed_events))

    def sfu_lost(self) -> None:
        self.told.append("lost")

    def sfu_missed_events(self) -> None:
        self.told.append("missed")

    def sfu_drains(self) -> None:
        self.told.append("drains")

    def sfu_event(self, event: SfuEvent) -> None:
        self.told.append(event)


def hello(epoch: str = "one", seq: int = 0) -> dict[str, Any]:
    return {"event": "hello", "epoch": epoch, "seq": seq, "version": "1.0.0"}


def closed(seq: int) -> dict[str, Any]:
    return {"event": "producer-closed", "roomId": "r", "producerId": f"p{seq}", "seq": seq}


def test_the_first_hello_is_no_restart() -> None:
    listener = Listener()
    EventStream(listener).hello(hello(seq=17))
    assert listener.told == [("connected", "one", False, False)]


def test_events_in_a_row_are_passed_on() -> None:
    listener = Listener()
    stream = EventStream(listener)
    stream.hello(hello(seq=4))
    stream.event(closed(5))
    stream.event(closed(6))
    assert listener.told[1:] == [ProducerClosed("r", "p5"), ProducerClosed("r", "p6")]


def test_a_gap_is_told_before_the_event_after_it() -> None:
    listener = Listener()
    stream = EventStream(listener)
    stream.hello(hello(seq=4))
    stream.event(closed(7))
    stream.event(closed(8))
    assert listener.told[1:] == ["missed", ProducerClosed("r", "p7"), ProducerClosed("r", "p8")]


def test_a_reconnection_without_loss_is_told_as_such() -> None:
    listener = Listener()
    stream = EventStream(listener)
    stream.hello(hello(seq=4))
    stream.event(closed(5))
    stream.hello(hello(seq=5))
    assert listener.told[-1] == ("connected", "one", False, False)


def test_events_missed_between_connections_are_noticed() -> None:
    listener = Listener()
    stream = EventStream(listener)
    stream.hello(hello(seq=4))
    stream.hello(hello(seq=9))
    assert listener.told[-1] == ("connected", "one", False, True)
    stream.event(closed(10))
    assert listener.told[-1] == ProducerClosed("r", "p10")


def test_an_event_that_cannot_be_digested_counts_as_missed() -> None:
    listener = Listener()
    stream = EventStream(listener)
    stream.hello(hello(seq=4))
    with pytest.raises(ValueError, match="producerId"):
        stream.event({"event": "producer-closed", "roomId": "r", "seq": 5})
    stream.hello(hello(seq=5))
    assert listener.told[-1] == ("connected", "one", False, True)


def test_of_another_epoch_nothing_was_missed_whatever_its_numbers() -> None:
    listener = Listener()
    stream = EventStream(listener)
    stream.hello(hello("one", 4))
    stream.hello(hello("two", 4))
    assert listener.told[-1] == ("connected", "two", False, False)


def test_a_drain_is_told_in_the_hello_or_when_it_begins() -> None:
    listener = Listener()
    stream = EventStream(listener)
    stream.hello(hello(seq=4))
    stream.event({"event": "draining", "seq": 5})
    stream.hello(hello(seq=5) | {"draining": True})
    assert listener.told[1:] == ["drains", ("connected", "one", True, False)]


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        {},
        {"event": "hello"},
        {"event": "hello", "epoch": 1, "seq": 1},
        {"event": "x", "epoch": "e", "seq": 1},
    ],
)
def test_what_is_no_hello_is_refused(message: Any) -> None:
    listener = Listener()
    with pytest.raises(ValueError, match=r"hello|object"):
        EventStream(listener).hello(message)
    assert listener.told == []


@pytest.mark.parametrize("message", [None, 7, {}, {"event": "producer-closed", "roomId": "r", "producerId": "p"}])
def test_an_event_without_a_number_is_refused(message: Any) -> None:
    stream = EventStream(Listener())
    stream.hello(hello())
    with pytest.raises(ValueError, match="number"):
        stream.event(message)


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ({"event": "peer-closed", "roomId": "r", "peerId": "x", "reason": "timeout"}, RoomDoubtful("r")),
        ({"event": "room-closed", "roomId": "r", "reason": "worker-died"}, RoomDoubtful("r")),
        ({"event": "room-closed", "roomId": "r", "reason": "shutdown"}, None),
        ({"event": "worker-died", "workerPid": 7}, None),
        ({"event": "transport-state", "roomId": "r", "transportId": "t"}, None),
        ({"event": "something-new"}, None),
        ({"event": "producer-closed", "roomId": "r", "producerId": "p"}, ProducerClosed("r", "p")),
        ({"event": "consumer-closed", "roomId": "r", "consumerId": "c"}, ConsumerClosed("r", "c")),
        (
            {"event": "consumer-layers", "roomId": "r", "peerId": "x", "consumerId": "c", "spatialLayer": 1},
            LayersChanged("r", "x", "c", Layers(1)),
        ),
        (
            {"event": "consumer-layers", "roomId": "r", "peerId": "x", "consumerId": "c", "spatialLayer": None},
            LayersChanged("r", "x", "c", None),
        ),
        (
            {"event": "producer-layers", "roomId": "r", "peerId": "x", "producerId": "p", "spatialLayer": 2},
            LayersWanted("r", "p", 2),
        ),
        (
            {"event": "producer-layers", "roomId": "r", "peerId": "x", "producerId": "p", "spatialLayer": None},
            LayersWanted("r", "p", None),
        ),
        (
            {"event": "active-speaker", "roomId": "r", "peerId": "x", "producerId": "p", "volume": -30},
            SpeakerChanged("r", "x", "p", -30),
        ),
    ],
)
def test_what_events_mean(message: dict[str, Any], event: SfuEvent | None) -> None:
    assert parse_event(message) == event


def test_an_event_that_lacks_a_field_is_refused() -> None:
    with pytest.raises(ValueError, match="producerId"):
        parse_event({"event": "producer-closed", "roomId": "r"})


@given(st.lists(st.integers(1, 4), max_size=30))
def test_every_gap_is_noticed_and_no_other(steps: list[int]) -> None:
    listener = Listener()
    stream = EventStream(listener)
    stream.hello(hello(seq=0))
    seq = 0
    for step in steps:
        seq += step
        stream.event(closed(seq))
    assert listener.told.count("missed") == sum(step > 1 for step in steps)

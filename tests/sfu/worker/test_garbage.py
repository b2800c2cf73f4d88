"""What is closed is freed by its reference counts; the collector, which holds up packets, has nothing to do."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from tests.support.media_rig import VP8_KEY_FRAME, MediaRig, audio, video

pytestmark = pytest.mark.parametrize("kind", ["audio", "video"])


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def packet(kind: str, number: int) -> bytes:
    if kind == "audio":
        return audio(number, dbov=-30, timestamp=960 * number)
    return video(number, VP8_KEY_FRAME, timestamp=3000 * number)


@pytest.mark.parametrize("packets", [0, 50])
def test_a_call_that_is_over_leaves_nothing_behind(kind: str, packets: int) -> None:
    rig = MediaRig()
    here, there = rig.transport(), rig.transport()
    producer = rig.produce(here, kind)
    consumer = rig.consume(there, producer)
    for number in range(packets):
        rig.receive(here, packet(kind, number))
        rig.advance(0.02)
    rig.advance(3.0)  # all that is measured once a second has been
    gone = [weakref.ref(part) for part in (here, there, producer, consumer)]

    consumer.close()
    there.remove_consumer(consumer)
    producer.close()
    here.remove_producer(producer)
    rig.router.remove_producer(producer)
    for transport in (here, there):
        transport.close()
        transport.link.listener = None  # type: ignore[attr-defined]  # as an endpoint does by itself
    del here, there, transport, producer, consumer

    assert rig.due.keys() <= {rig.router}
    assert [part() for part in gone] == [None] * 4

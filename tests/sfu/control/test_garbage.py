"""What is closed is freed by its reference counts; the collector, which pauses everything, has nothing to do."""

import gc

from sfu.control.consumer import Consumer
from sfu.control.data_channels import DataChannels
from sfu.control.peer import Peer
from sfu.control.producer import Producer
from sfu.control.room import Room
from sfu.control.transport import Transport
from tests.support.sfu import RunningSfu, eventually, running_sfu

OURS = (Room, Peer, Transport, DataChannels, Producer, Consumer)


def alive() -> list[object]:
    return [part for part in gc.get_objects() if isinstance(part, OURS)]


async def come_and_go(sfu: RunningSfu, room: str, *, delete: bool) -> None:
    for peer in ("a", "b"):
        (await sfu.join(room, peer)).ok()
        for direction in ("send", "recv"):
            transport = (await sfu.create_transport(room, peer, direction, enableSctp=True)).ok()
            (await sfu.connect(room, transport["transportId"])).ok()
    producer = (await sfu.produce(room, "a")).ok()
    (await sfu.consume(room, "b", producer["id"])).ok()
    if delete:
        (await sfu.call("DELETE", f"/rooms/{room}")).ok()
    else:
        for peer in ("a", "b"):
            (await sfu.leave(room, peer)).ok()


async def test_rooms_that_are_gone_leave_nothing_to_the_collector() -> None:
    async with running_sfu() as sfu:
        await come_and_go(sfu, "warm-up", delete=False)
        gc.collect()
        gc.disable()
        try:
            before = {id(part) for part in alive()}
            for delete in (False, True):
                await come_and_go(sfu, f"room-{delete}", delete=delete)
            await eventually(lambda: all(id(part) in before for part in alive()))
            assert {id(part) for part in alive()} <= before
        finally:
            gc.enable()

import asyncio

import pytest

from tests.support.sfu import NOTHING, RunningSfu

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_first_join_makes_the_room(sfu: RunningSfu, room: str) -> None:
    labels = {"roomName": "Maths", "fullName": "Anna A.", "role": "teacher", "isProducer": True}
    body = (await sfu.join(room, "anna", **labels)).ok()
    assert (body["roomId"], body["peerId"], body["peers"]) == (room, "anna", [])
    assert {"audio/opus", "video/VP8", "video/H264"} <= {c["mimeType"] for c in body["rtpCapabilities"]["codecs"]}
    info = (await sfu.get(f"/rooms/{room}")).ok()
    assert (info["roomId"], info["name"], info["peerCount"]) == (room, "Maths", 1)
    assert isinstance(info["createdAt"], int)
    [peer] = info["peers"]
    assert isinstance(peer.pop("joinedAt"), int)
    assert peer == {
        "peerId": "anna",
        "userId": "user-anna",
        "email": None,
        "fullName": "Anna A.",
        "role": "teacher",
        "isProducer": True,
        "producerCount": 0,
        "consumerCount": 0,
    }


async def test_a_later_join_learns_of_the_others(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna", roomName="Maths")
    body = (await sfu.join(room, "bela", roomName="Physics")).ok()
    assert [peer["peerId"] for peer in body["peers"]] == ["anna"]
    assert (await sfu.get(f"/rooms/{room}")).ok()["name"] == "Maths"


async def test_joins_learn_what_the_others_have_at_that_time(sfu: RunningSfu, room: str) -> None:
    async def told(newcomer: str) -> list[tuple[str, int, int]]:
        peers = (await sfu.join(room, newcomer)).ok()["peers"]
        counts = [(peer["peerId"], peer["producerCount"], peer["consumerCount"]) for peer in peers]
        return [count for count in counts if count[0] in {"anna", "bela"}]

    for peer, direction in (("anna", "send"), ("bela", "recv")):
        await sfu.join(room, peer)
        (await sfu.create_transport(room, peer, direction)).ok()
    assert await told("cleo") == [("anna", 0, 0), ("bela", 0, 0)]
    producer = (await sfu.produce(room, "anna")).ok()["id"]
    assert await told("dora") == [("anna", 1, 0), ("bela", 0, 0)]
    (await sfu.consume(room, "bela", producer)).ok()
    assert await told("emil") == [("anna", 1, 0), ("bela", 0, 1)]
    (await sfu.post(f"/rooms/{room}/producers/{producer}/close")).ok()
    assert await told("finn") == [("anna", 0, 0), ("bela", 0, 0)]


async def test_a_peer_id_serves_once_in_a_room(sfu: RunningSfu, room: str) -> None:
    (await sfu.join(room, "anna")).ok()
    again = await sfu.join(room, "anna")
    assert (again.status, again.code) == (409, "PEER_EXISTS")
    (await sfu.join(room + "-2", "anna")).ok()
    (await sfu.leave(room, "anna")).ok()
    (await sfu.join(room, "anna")).ok()


async def test_rooms_are_listed(sfu: RunningSfu, room: str) -> None:
    assert (await sfu.get("/rooms")).ok() == {"rooms": [], "totalRooms": 0, "totalPeers": 0}
    await sfu.join(room, "anna")
    await sfu.join(room, "bela")
    await sfu.join(room + "-2", "carl")
    listed = (await sfu.get("/rooms")).ok()
    assert (listed["totalRooms"], listed["totalPeers"]) == (2, 3)
    assert [(entry["roomId"], entry["name"], entry["peerCount"]) for entry in listed["rooms"]] == [
        (room, room, 2),
        (room + "-2", room + "-2", 1),
    ]


async def test_the_last_leave_deletes_the_room(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    await sfu.join(room, "bela")
    assert (await sfu.leave(room, "anna")).ok() == {"success": True}
    assert (await sfu.get(f"/rooms/{room}")).ok()["peerCount"] == 1
    (await sfu.leave(room, "bela")).ok()
    gone = await sfu.get(f"/rooms/{room}")
    assert (gone.status, gone.code) == (404, "ROOM_NOT_FOUND")
    assert await sfu.worker_counts() == NOTHING


async def test_deleting_a_room_frees_all_that_was_in_it(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    await sfu.create_transport(room, "anna", "send")
    (await sfu.produce(room, "anna")).ok()
    assert (await sfu.worker_counts())["producers"] == 1
    assert (await sfu.call("DELETE", f"/rooms/{room}")).ok() == {"success": True}
    assert await sfu.worker_counts() == NOTHING
    assert (await sfu.call("DELETE", f"/rooms/{room}")).code == "ROOM_NOT_FOUND"


async def test_unknown_rooms_and_peers_are_told(sfu: RunningSfu, room: str) -> None:
    assert (await sfu.leave(room, "anna")).code == "ROOM_NOT_FOUND"
    await sfu.join(room, "anna")
    assert (await sfu.leave(room, "bela")).code == "PEER_NOT_FOUND"
    assert (await sfu.create_transport(room, "bela", "send")).code == "PEER_NOT_FOUND"
    assert (await sfu.produce(room, "bela")).code == "PEER_NOT_FOUND"


async def test_the_details_of_a_room_rebuild_its_state(sfu: RunningSfu, room: str) -> None:
    await sfu.join(room, "anna")
    joined = (await sfu.join(room, "bela")).ok()
    send = (await sfu.create_transport(room, "anna", "send")).ok()
    recv = (await sfu.create_transport(room, "bela", "recv")).ok()
    produced = (await sfu.produce(room, "anna", appData={"source": "microphone"}, paused=True)).ok()
    consumed = (await sfu.consume(room, "bela", produced["id"], paused=True)).ok()

    plain = (await sfu.get(f"/rooms/{room}")).ok()["peers"]
    assert [(peer["producerCount"], peer["consumerCount"]) for peer in plain] == [(1, 0), (0, 1)]
    assert all("transports" not in peer for peer in plain)

    detail = (await sfu.get(f"/rooms/{room}?detail=1")).ok()
    assert detail["rtpCapabilities"] == joined["rtpCapabilities"]
    anna, bela = detail["peers"]
    assert anna["transports"] == [
        {"transportId": send["transportId"], "direction": "send", "iceState": "new", "dtlsState": "new"}
    ]
    assert anna["consumers"] == bela["producers"] == []
    [producer], [consumer] = anna["producers"], bela["consumers"]
    assert producer["appData"] == {"source": "microphone"}
    assert (producer["id"], producer["kind"], producer["paused"]) == (produced["id"], "audio", True)
    assert (producer["transportId"], producer["rtpParameters"]) == (send["transportId"], produced["rtpParameters"])
    assert (consumer["id"], consumer["producerId"]) == (consumed["id"], produced["id"])
    assert (consumer["paused"], consumer["producerPaused"]) == (True, True)
    assert (consumer["transportId"], consumer["rtpParameters"]) == (recv["transportId"], consumed["rtpParameters"])
    assert send["iceParameters"]["password"] not in str(anna), "ICE passwords are for who made the transport"


async def test_peers_that_join_at_one_time_share_one_room(sfu: RunningSfu, room: str) -> None:
    answers = await asyncio.gather(*(sfu.join(room, f"peer-{number}") for number in range(20)))
    assert [answer.status for answer in answers] == [200] * 20
    assert (await sfu.worker_counts())["routers"] == 1
    assert (await sfu.get(f"/rooms/{room}")).ok()["peerCount"] == 20


async def test_of_equal_joins_at_one_time_one_wins(sfu: RunningSfu, room: str) -> None:
    answers = await asyncio.gather(*(sfu.join(room, "anna") for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 9


async def test_a_join_overtaken_by_a_leave_leaves_nothing_behind(sfu: RunningSfu, room: str) -> None:
    for _ in range(20):
        joined, left = await asyncio.gather(sfu.join(room, "anna"), sfu.leave(room, "anna"))
        assert (joined.status, left.status) in {(200, 200), (404, 200), (200, 404)}
        if left.status == 404:
            (await sfu.leave(room, "anna")).ok()
        assert sfu.rooms.rooms == []
    assert await sfu.worker_counts() == NOTHING


async def test_rapid_joins_and_leaves_leave_nothing_behind(sfu: RunningSfu, room: str) -> None:
    async def come_and_go(number: int) -> None:
        peer, where = f"peer-{number}", f"{room}-{number % 7}"
        (await sfu.join(where, peer)).ok()
        (await sfu.create_transport(where, peer, "send")).ok()
        (await sfu.create_transport(where, peer, "recv")).ok()
        produced = (await sfu.produce(where, peer, "video")).ok()
        (await sfu.consume(where, peer, produced["id"])).ok()
        (await sfu.leave(where, peer)).ok()

    for start in range(0, 200, 20):
        await asyncio.gather(*(come_and_go(number) for number in range(start, start + 20)))
    assert (await sfu.get("/rooms")).ok()["totalRooms"] == 0
    assert await sfu.worker_counts() == NOTHING

"""Joining, leaving, who is there: over real sockets, a real database and a real SFU."""

import asyncio

import pytest

from backend import keys
from backend.domain.users import Role
from tests.support.live_backend import LiveBackend, Seat
from tests.support.sfu import RunningSfu

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_answer_to_join(backend: LiveBackend, teacher: Seat, sfu: RunningSfu) -> None:
    producer_id = await teacher.produce(appData={"source": "mic"}, paused=True)
    student = await backend.joined("student")
    joined = student.joined
    assert joined["roomId"] == "physics"
    assert joined["resumed"] is False
    assert joined["iceServers"] == []
    assert joined["room"]["name"] == "physics"
    assert joined["room"]["isLocked"] is False
    assert joined["room"]["studentsMayPublish"] is True
    assert isinstance(joined["room"]["ownerId"], str)
    assert {codec["kind"] for codec in joined["routerRtpCapabilities"]["codecs"]} == {"audio", "video"}
    (other,) = joined["participants"]
    assert other["participantId"] == teacher.id
    assert other["userId"] == joined["room"]["ownerId"]
    assert other["fullName"] == "Teacher"
    assert other["role"] == "teacher"
    assert other["isProducer"] is False
    assert isinstance(other["joinedAt"], int)
    assert other["handRaised"] is False
    assert other["producers"] == [
        {"producerId": producer_id, "kind": "audio", "paused": True, "appData": {"source": "mic"}}
    ]
    told = (await teacher.client.notification("participant-joined"))["participant"]
    assert told["participantId"] == student.id
    assert told["producers"] == []
    assert {peer["peerId"] for peer in (await sfu.get("/rooms/physics")).ok()["peers"]} == {teacher.id, student.id}


async def test_before_joining_nothing_else_can_be_asked(backend: LiveBackend) -> None:
    client = await backend.socket("teacher", Role.TEACHER)
    for method in ("leave-room", "get-participants", "create-transport", "consume", "kick-participant"):
        refusal = await client.refused(method)
        assert (refusal.status, refusal.code) == (409, "NOT_JOINED")


async def test_a_second_join_on_one_socket_is_refused(teacher: Seat) -> None:
    refusal = await teacher.client.refused("join-room", roomId="chemistry")
    assert (refusal.status, refusal.code) == (409, "ALREADY_JOINED")


async def test_an_unknown_method_is_not_found(backend: LiveBackend, teacher: Seat) -> None:
    outsider = await backend.socket("student")
    for client in (teacher.client, outsider):
        refusal = await client.refused("dance")
        assert (refusal.status, refusal.code) == (404, "UNKNOWN_METHOD")


async def test_a_student_needs_a_room_that_exists(backend: LiveBackend) -> None:
    client = await backend.socket("student")
    refusal = await client.refused("join-room", roomId="nowhere")
    assert (refusal.status, refusal.code) == (404, "ROOM_NOT_FOUND")
    status, _ = await backend.call("GET", "/rooms/nowhere", await backend.token("student"))
    assert status == 404


async def test_a_teacher_makes_the_room_by_joining(backend: LiveBackend) -> None:
    client = await backend.socket("teacher", Role.TEACHER)
    joined = await client.request("join-room", roomId="new~room.1", roomName="New room", isProducer=True)
    assert joined["room"]["name"] == "New room"
    status, room = await backend.call("GET", "/rooms/new~room.1", await backend.token("teacher"))
    assert status == 200
    assert room["name"] == "New room"
    assert room["created_by"] == joined["room"]["ownerId"]
    assert room["participant_count"] == 1


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"roomId": None},
        {"roomId": 7},
        {"roomId": ""},
        {"roomId": ".."},
        {"roomId": "a/b"},
        {"roomId": "x" * 129},
        {"roomId": "r", "roomName": "n" * 201},
        {"roomId": "r", "roomName": "\x00"},
        {"roomId": "r", "roomName": "\ud800"},
        {"roomId": "r", "isProducer": "yes"},
        {"roomId": "r", "resumeToken": 7},
        [],
        "room",
        {
            "roomId": "r",
            "deep": [
                [
                    [
                        [
                            [
                                [
                                    [
                                        [
                                            [
                                                [
                                                    [
                                                        [
                                                            [
                                                                [
                                                                    [
                                                                        [
                                                                            [
                                                                                [
                                                                                    [
                                                                                        [
                                                                                            [
                                                                                                [
                                                                                                    [
                                                                                                        [
                                                                                                            [
                                                                                                                [
                                                                                                                    [
                                                                                                                        [
                                                                                                                            [
                                                                                                                                [
                                                                                                                                    [
                                                                                                                                        [
                                                                                                                                            [
                                                                                                                                                [
                                                                                                                                                    [
                                                                                                                                                        [
                                                                                                                                                            [
                                                                                                                                                                [
                                                                                                                                                                    [
                                                                                                                                                                        [
                                                                                                                                                                            [
                                                                                                                                                                                [
                                                                                                                                                                                    [
                                                                                                                                                                                        [
                                                                                                                                                                                            [
                                                                                                                                                                                                [
                                                                                                                                                                                                    [
                                                                                                                                                                                                        [
                                                                                                                                                                                                            [
                                                                                                                                                                                                                [
                                                                                                                                                                                                                    [
                                                                                                                                                                                                                        [
                                                                                                                                                                                                                            [
                                                                                                                                                                                                                                [
                                                                                                                                                                                                                                    [
                                                                                                                                                                                                                                        [
                                                                                                                                                                                                                                            [
                                                                                                                                                                                                                                                [
                                                                                                                                                                                                                                                    [
                                                                                                                                                                                                                                                        [
                                                                                                                                                                                                                                                            [
                                                                                                                                                                                                                                                                [
                                                                                                                                                                                                                                                                    [
                                                                                                                                                                                                                                                                        [
                                                                                                                                                                                                                                                                            [
                                                                                                                                                                                                                                                                                [
                                                                                                                                                                                                                                                                                    [
                                                                                                                                                                                                                                                                                        []
                                                                                                                                                                                                                                                                                    ]
                                                                                                                                                                                                                                                                                ]
                                                                                                                                                                                                                                                                            ]
                                                                                                                                                                                                                                                                        ]
                                                                                                                                                                                                                                                                    ]
                                                                                                                                                                                                                                                                ]
                                                                                                                                                                                                                                                            ]
                                                                                                                                                                                                                                                        ]
                                                                                                                                                                                                                                                    ]
                                                                                                                                                                                                                                                ]
                                                                                                                                                                                                                                            ]
                                                                                                                                                                                                                                        ]
                                                                                                                                                                                                                                    ]
                                                                                                                                                                                                                                ]
                                                                                                                                                                                                                            ]
                                                                                                                                                                                                                        ]
                                                                                                                                                                                                                    ]
                                                                                                                                                                                                                ]
                                                                                                                                                                                                            ]
                                                                                                                                                                                                        ]
                                                                                                                                                                                                    ]
                                                                                                                                                                                                ]
                                                                                                                                                                                            ]
                                                                                                                                                                                        ]
                                                                                                                                                                                    ]
                                                                                                                                                                                ]
                                                                                                                                                                            ]
                                                                                                                                                                        ]
                                                                                                                                                                    ]
                                                                                                                                                                ]
                                                                                                                                                            ]
                                                                                                                                                        ]
                                                                                                                                                    ]
                                                                                                                                                ]
                                                                                                                                            ]
                                                                                                                                        ]
                                                                                                                                    ]
                                                                                                                                ]
                                                                                                                            ]
                                                                                                                        ]
                                                                                                                    ]
                                                                                                                ]
                                                                                                            ]
                                                                                                        ]
                                                                                                    ]
                                                                                                ]
                                                                                            ]
                                                                                        ]
                                                                                    ]
                                                                                ]
                                                                            ]
                                                                        ]
                                                                    ]
                                                                ]
                                                            ]
                                                        ]
                                                    ]
                                                ]
                                            ]
                                        ]
                                    ]
                                ]
                            ]
                        ]
                    ]
                ]
            ],
        },
    ],
)
async def test_a_malformed_join_is_refused(backend: LiveBackend, data: object) -> None:
    client = await backend.socket("teacher", Role.TEACHER)
    refusal = await client.refused("join-room", data)
    assert (refusal.status, refusal.code) == (400, "INVALID_INPUT")
    assert (await client.request("join-room", roomId="r"))["roomId"] == "r"


async def test_a_locked_room_lets_staff_in_only(backend: LiveBackend, teacher: Seat) -> None:
    await teacher.client.request("lock-room", locked=True)
    assert (await teacher.client.notification("room-updated"))["room"]["isLocked"] is True
    client = await backend.socket("student")
    refusal = await client.refused("join-room", roomId="physics")
    assert (refusal.status, refusal.code) == (403, "ROOM_LOCKED")
    await backend.joined("other-teacher", Role.TEACHER)
    await teacher.client.request("lock-room", locked=False)
    await client.request("join-room", roomId="physics")


async def test_a_full_room_is_full(backend: LiveBackend, teacher: Seat) -> None:
    token = await backend.token("teacher")
    status, _ = await backend.call("PATCH", "/rooms/physics", token, {"max_participants": 2})
    assert status == 200
    await backend.joined("student")
    client = await backend.socket("other")
    refusal = await client.refused("join-room", roomId="physics")
    assert (refusal.status, refusal.code) == (409, "ROOM_FULL")


async def test_one_user_may_hold_several_seats(backend: LiveBackend, teacher: Seat) -> None:
    second = await backend.joined("teacher", Role.TEACHER)
    assert second.id != teacher.id
    assert [one["participantId"] for one in second.joined["participants"]] == [teacher.id]


async def test_get_participants_lists_all(teacher: Seat, student: Seat) -> None:
    answer = await student.client.request("get-participants")
    assert answer["count"] == 2
    assert [one["participantId"] for one in answer["participants"]] == [teacher.id, student.id]


async def test_room_info_is_the_sfus_without_strangers_addresses(teacher: Seat, student: Seat) -> None:
    seen_by_teacher = await teacher.client.request("get-room-info")
    assert seen_by_teacher["roomId"] == "physics"
    assert seen_by_teacher["peerCount"] == 2
    assert {peer["email"] for peer in seen_by_teacher["peers"]} == {
        "teacher@school.example",
        "student@school.example",
    }
    seen_by_student = await student.client.request("get-room-info")
    assert seen_by_student["peerCount"] == 2
    assert all("email" not in peer for peer in seen_by_student["peers"])


async def test_leaving_is_answered_then_closed_with_4000(
    backend: LiveBackend, teacher: Seat, student: Seat, sfu: RunningSfu
) -> None:
    producer_id = await student.produce()
    assert await student.client.request("leave-room") == {}
    assert await student.client.closed() == 4000
    assert await teacher.client.notification("participant-left") == {"participantId": student.id, "reason": "left"}
    assert teacher.client.notified()[-2:] == [
        ("producer-closed", {"producerId": producer_id, "participantId": student.id}),
        ("participant-left", {"participantId": student.id, "reason": "left"}),
    ]
    await teacher.client.request("leave-room")
    assert (await sfu.get("/rooms")).ok()["totalRooms"] == 0
    assert backend.presence.live_room_ids() == []
    assert await backend.server.app[keys.ATTENDANCE].open_seats() == []


async def test_offers_answers_and_candidates_are_relayed(
    backend: LiveBackend, teacher: Seat, student: Seat
) -> None:
    sdp = {"type": "offer", "sdp": "v=0"}
    await student.client.request("webrtc-offer", to=teacher.id, sdp=sdp)
    assert await teacher.client.notification("webrtc-offer") == {"from": student.id, "sdp": sdp}
    await teacher.client.request("webrtc-answer", to=student.id, sdp="v=0")
    assert await student.client.notification("webrtc-answer") == {"from": teacher.id, "sdp": "v=0"}
    await teacher.client.request("ice-candidate", to=student.id, candidate=None)
    assert await student.client.notification("ice-candidate") == {"from": teacher.id, "candidate": None}
    stranger = await backend.joined("stranger-teacher", Role.TEACHER, "chemistry")
    for to in (stranger.id, "nobody"):
        refusal = await student.client.refused("webrtc-offer", to=to, sdp="v=0")
        assert (refusal.status, refusal.code) == (404, "PARTICIPANT_NOT_FOUND")
    refusal = await student.client.refused("webrtc-offer", to=teacher.id)
    assert (refusal.status, refusal.code) == (400, "INVALID_INPUT")
    refusal = await student.client.refused("webrtc-offer", to=teacher.id, sdp="v" * 70_000)
    assert (refusal.status, refusal.code) == (400, "INVALID_INPUT")


async def test_many_who_join_at_once_all_see_each_other(backend: LiveBackend, teacher: Seat) -> None:
    sockets = [await backend.socket("student") for _ in range(12)]
    answers = await asyncio.gather(*(socket.request("join-room", roomId="physics") for socket in sockets))
    ids = {answer["participantId"] for answer in answers}
    for socket, answer in zip(sockets, answers, strict=True):
        listed = {one["participantId"] for one in answer["participants"]} - {teacher.id}
        expected = ids - listed - {answer["participantId"]}
        heard = set()
        while heard != expected:
            heard.add((await socket.notification("participant-joined"))["participant"]["participantId"])
        assert listed.isdisjoint(heard)

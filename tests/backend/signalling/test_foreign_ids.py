"""Ids give no right: whoever learns those of another room can do nothing with them."""

import pytest
from marshmallow import fields

from backend.domain.users import Role
from backend.signalling.methods import METHODS
from tests.support.live_backend import LiveBackend, Seat
from tests.support.protoo_client import Json

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTHER_FIELDS: Json = {
    "rtpParameters": {},
    "rtpCapabilities": {},
    "dtlsParameters": {"fingerprints": []},
    "sctpStreamParameters": {"streamId": 3},
    "kind": "audio",
    "sdp": "v=0",
    "candidate": {},
    "spatialLayer": 0,
    "priority": 1,
}
"""What goes with an id where it is required."""

ABOUT_IDS = sorted(
    name
    for name, method in METHODS.items()
    if any(key.endswith("Id") or key == "to" for key in (f.data_key or "" for f in method.schema.fields.values()))
    or "to" in method.schema.fields
)


async def rich_seat(backend: LiveBackend, name: str, role: Role, room: str) -> Json:
    """Take a seat with one of everything; return the ids by the names that requests have for them."""
    seat = await backend.joined(name, role, room)
    sending = await seat.client.request("create-transport", direction="send", enableSctp=True)
    receiving = await seat.client.request("create-transport", direction="recv", enableSctp=True)
    other: Seat = await backend.joined("classmate", Role.STUDENT, room)
    producer_id = await other.produce()
    consumed = await seat.consume(producer_id, transportId=receiving["transportId"])
    data = await seat.client.request(
        "produce-data", transportId=sending["transportId"], sctpStreamParameters={"streamId": 1}
    )
    await other.client.request("create-transport", direction="recv", enableSctp=True)
    taken = await other.client.request("consume-data", dataProducerId=data["dataProducerId"])
    return {
        "transportId": sending["transportId"],
        "producerId": producer_id,
        "consumerId": consumed["consumerId"],
        "dataProducerId": data["dataProducerId"],
        "dataConsumerId": taken["dataConsumerId"],
        "participantId": seat.id,
        "to": seat.id,
        "waitingId": seat.id,
    }


def request_about(method: str, ids: Json) -> list[Json]:
    """Return requests that name these ids: with all required fields, and each optional id by itself."""
    given = METHODS[method].schema.fields.values()
    keys = {field.data_key or field.name: field for field in given if isinstance(field, fields.Field)}
    required = {
        key: (ids | OTHER_FIELDS)[key] for key, field in keys.items() if field.required and key != "roomId"
    }
    optional = [key for key, field in keys.items() if not field.required and key in ids]
    return [required | {key: ids[key]} for key in optional if not required] or [required]


async def is_not_found(seat: Seat, method: str, data: Json) -> bool:
    """Ask, and tell whether what it is about is not there for this seat."""
    refusal = await seat.client.refused(method, data)
    return refusal.status == 404 and refusal.code.endswith("_NOT_FOUND")


async def test_ids_of_another_room_are_not_found(backend: LiveBackend) -> None:
    assert {"consume", "get-stats", "webrtc-offer", "kick-participant", "close-data-consumer"} <= set(ABOUT_IDS)
    foreign = await rich_seat(backend, "colleague", Role.TEACHER, "chemistry")
    await rich_seat(backend, "teacher", Role.TEACHER, "physics")
    owner = await backend.joined("teacher", Role.TEACHER, "physics")
    own_transport = (await owner.client.request("create-transport", direction="recv"))["transportId"]
    for method in ABOUT_IDS:
        if method == "join-room":
            continue
        for data in request_about(method, foreign):
            if method in {"consume", "consume-data"}:
                data["transportId"] = own_transport
            refusal = await owner.client.refused(method, data)
            assert (refusal.status, refusal.code.endswith("_NOT_FOUND")) == (404, True), (
                f"{method} {data} {refusal}"
            )
    everybody = (await owner.client.request("get-participants"))["participants"]
    assert foreign["participantId"] not in {one["participantId"] for one in everybody}
    info = await owner.client.request("get-room-info")
    assert foreign["participantId"] not in str(info)


async def test_others_own_ids_in_the_same_room_are_not_ones_own(backend: LiveBackend) -> None:
    theirs = await rich_seat(backend, "teacher", Role.TEACHER, "physics")
    student = await backend.joined("student")
    for method in ABOUT_IDS:
        if METHODS[method].action.name != "TAKE_PART" or method in {"consume", "consume-data"}:
            continue
        if any(key in {"participantId", "to"} for data in request_about(method, theirs) for key in data):
            continue  # these are about others
        for data in request_about(method, theirs):
            refusal = await student.client.refused(method, data)
            assert (refusal.status, refusal.code.endswith("_NOT_FOUND")) == (404, True), (
                f"{method} {data} {refusal}"
            )

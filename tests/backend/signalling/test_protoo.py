"""protoo's framing: what is taken, what is refused, what is written."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.signalling.protoo import (
    MAX_REQUEST_ID,
    Notification,
    Request,
    Response,
    failure,
    notification,
    parse,
    request,
    success,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=5)
IDS = st.integers(-MAX_REQUEST_ID, MAX_REQUEST_ID)


def raw(message: Any) -> bytes:
    return json.dumps(message).encode()


@given(IDS, st.text(min_size=1, max_size=100), OBJECTS)
def test_a_request_survives_the_way(request_id: int, method: str, data: dict[str, Any]) -> None:
    assert parse(request(request_id, method, data).encode()) == Request(request_id, method, data)


@given(IDS, OBJECTS)
def test_an_answer_survives_the_way(request_id: int, data: dict[str, Any]) -> None:
    assert parse(success(request_id, data).encode()) == Response(request_id, ok=True, data=data)


@given(st.text(min_size=1, max_size=100), OBJECTS)
def test_a_notification_survives_the_way(method: str, data: dict[str, Any]) -> None:
    assert parse(notification(method, data).encode()) == Notification(method, data)


def test_a_failure_carries_status_reason_code_and_details() -> None:
    assert json.loads(failure(7, 400, "No.", "INVALID_INPUT", {"kind": ["Wrong."]})) == {
        "response": True,
        "id": 7,
        "ok": False,
        "errorCode": 400,
        "errorReason": "No.",
        "code": "INVALID_INPUT",
        "details": {"kind": ["Wrong."]},
    }
    assert "details" not in json.loads(failure(7, 404, "No.", "NOT_FOUND"))


@pytest.mark.parametrize("data", [{}, {"data": None}])
def test_absent_data_is_an_empty_object(data: dict[str, Any]) -> None:
    assert parse(raw({"request": True, "id": 1, "method": "m", **data})) == Request(1, "m", {})


def test_unknown_fields_are_ignored() -> None:
    assert parse(raw({"request": True, "id": 1, "method": "m", "extra": [1]})) == Request(1, "m", {})


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'"request"',
        b"{}",
        b'{"request":false,"id":1,"method":"m"}',
        b'{"request":true,"method":"m"}',
        b'{"request":true,"id":"1","method":"m"}',
        b'{"request":true,"id":true,"method":"m"}',
        b'{"request":true,"id":1.5,"method":"m"}',
        b'{"request":true,"id":9007199254740992,"method":"m"}',
        b'{"request":true,"id":1}',
        b'{"request":true,"id":1,"method":7}',
        b'{"request":true,"id":1,"method":""}',
        b'{"request":true,"id":1,"method":"' + b"m" * 101 + b'"}',
        b'{"request":true,"id":1,"method":"m","data":NaN}',
        b'{"request":true,"id":1,"method":"m","data":Infinity}',
        b'{"response":true,"ok":true}',
        b'{"notification":true}',
        b'{"request":true,"id":' + b"9" * 5000 + b',"method":"m"}',
        b'{"notification":true,"method":"m","data":' + b"[" * 100_000,
        b"\xff\xfe",
        '{"request":true,"id":1,"method":"m"}'.encode("utf-16"),
        '{"request":true,"id":1,"method":"m"}'.encode("utf-32"),
    ],
)
def test_what_is_no_protoo_message_is_refused(frame: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(frame)


@given(st.binary() | st.text().map(str.encode) | JSON.map(raw))
def test_garbage_is_refused_or_taken_and_never_breaks(frame: bytes) -> None:
    try:
        message = parse(frame)
    except ValueError:
        return
    assert isinstance(message, Request | Response | Notification)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "request": JSON,
            "response": JSON,
            "notification": JSON,
            "id": JSON,
            "method": JSON,
            "ok": JSON,
            "data": JSON,
        },
    )
)
def test_near_messages_are_refused_or_taken(message: dict[str, Any]) -> None:
    try:
        taken = parse(raw(message))
    except ValueError:
        return
    if isinstance(taken, Request):
        assert taken.id == message["id"]
        assert taken.method == message["method"]

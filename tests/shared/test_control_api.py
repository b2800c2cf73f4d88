from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from shared.control_api import (
    CONNECT_TRANSPORT_REQUEST,
    CONSUME_REQUEST,
    CREATE_TRANSPORT_REQUEST,
    JOIN_REQUEST,
    MAX_APP_DATA_DEPTH,
    PRODUCE_REQUEST,
    JoinRequest,
    RequestSchema,
)

OPUS = {"mimeType": "audio/opus", "payloadType": 111, "clockRate": 48000, "channels": 2}
PRODUCE = {"peerId": "anna", "kind": "audio", "rtpParameters": {"codecs": [OPUS], "encodings": [{"ssrc": 7}]}}
FINGERPRINT = {"algorithm": "sha-256", "value": ":".join(["AB"] * 32)}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
SCHEMAS: list[RequestSchema[Any]] = [
    JOIN_REQUEST,
    CREATE_TRANSPORT_REQUEST,
    CONNECT_TRANSPORT_REQUEST,
    PRODUCE_REQUEST,
    CONSUME_REQUEST,
]
KEYS = st.sampled_from(
    [
        *("peerId", "userId", "email", "fullName", "role", "isProducer", "roomName", "direction", "enableSctp"),
        *("dtlsParameters", "fingerprints", "algorithm", "value", "kind", "rtpParameters", "codecs", "mimeType"),
        *("encodings", "ssrc", "producerId", "rtpCapabilities", "transportId", "paused", "appData"),
    ]
)


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"in": value}
    return value


def errors_of(schema: RequestSchema[Any], wire: Any) -> dict[str, Any]:
    with pytest.raises(ValidationError) as refused:
        schema.load_request(wire)
    return refused.value.messages_dict


def test_a_join_may_name_only_who_joins() -> None:
    assert JOIN_REQUEST.load_request({"peerId": "anna", "userId": "u1"}) == JoinRequest("anna", "u1")


def test_null_means_absent_and_unknown_fields_are_ignored() -> None:
    wire = {"peerId": "anna", "userId": "u1", "email": None, "isProducer": None, "colour": "red", "more": None}
    assert JOIN_REQUEST.load_request(wire) == JoinRequest("anna", "u1")


@pytest.mark.parametrize("peer_id", ["", ".", "..", "a/b", "ä", "a b", "x" * 129, 7, None, [], {}, True])
def test_a_peer_id_has_its_form(peer_id: Any) -> None:
    assert list(errors_of(JOIN_REQUEST, {"peerId": peer_id, "userId": "u1"})) == ["peerId"]


def test_every_bad_field_is_named() -> None:
    wire = {"peerId": "a/b", "email": 5, "isProducer": "yes", "fullName": "x" * 513, "role": "\ud800"}
    assert set(errors_of(JOIN_REQUEST, wire)) == {"peerId", "userId", "email", "isProducer", "fullName", "role"}


@pytest.mark.parametrize("wire", [[], "text", 5, True])
def test_a_body_is_an_object(wire: Any) -> None:
    assert list(errors_of(JOIN_REQUEST, wire)) == ["_schema"]


@pytest.mark.parametrize("direction", ["", "both", "Send", 1, None])
def test_a_direction_is_send_or_recv(direction: Any) -> None:
    assert list(errors_of(CREATE_TRANSPORT_REQUEST, {"peerId": "a", "direction": direction})) == ["direction"]


def test_dtls_parameters_name_their_own_faults() -> None:
    wire = {"dtlsParameters": {"role": "boss", "fingerprints": [FINGERPRINT]}}
    assert list(errors_of(CONNECT_TRANSPORT_REQUEST, wire)["dtlsParameters"]) == ["role"]
    assert list(errors_of(CONNECT_TRANSPORT_REQUEST, {"dtlsParameters": 5})) == ["dtlsParameters"]


def test_rtp_parameters_name_their_own_faults() -> None:
    wire = {**PRODUCE, "rtpParameters": {"codecs": [{**OPUS, "payloadType": 200}]}}
    faults = errors_of(PRODUCE_REQUEST, wire)["rtpParameters"]
    assert list(faults["codecs"][0]) == ["payloadType"]


def test_app_data_is_kept_as_it_is() -> None:
    app_data = {"source": "webcam", "none": None, "list": [1, 2.5, None, {"ü": "ß"}], "empty": {}}
    assert PRODUCE_REQUEST.load_request({**PRODUCE, "appData": app_data}).app_data == app_data
    assert PRODUCE_REQUEST.load_request({**PRODUCE, "appData": None}).app_data == {}


@pytest.mark.parametrize(
    "app_data", [[], "text", 5, True, nested(MAX_APP_DATA_DEPTH + 1), {"a": "\ud800"}, {"\ud800": 1}, {"a": 1e999}]
)
def test_app_data_is_a_json_object_of_bounded_depth(app_data: Any) -> None:
    assert list(errors_of(PRODUCE_REQUEST, {**PRODUCE, "appData": app_data})) == ["appData"]


def test_app_data_may_be_as_deep_as_the_limit() -> None:
    app_data = nested(MAX_APP_DATA_DEPTH)
    assert PRODUCE_REQUEST.load_request({**PRODUCE, "appData": app_data}).app_data == app_data


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: type(schema).__name__)
@given(wire=JSON | st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON), max_size=8))
def test_whatever_comes_is_loaded_or_refused_by_field(schema: RequestSchema[Any], wire: Any) -> None:
    try:
        loaded = schema.load_request(wire)
    except ValidationError as error:
        faults = error.messages_dict
        loaded = None
    assert isinstance(loaded, schema.target) or faults

"""Two ways to read the same objects: straight away, and by marshmallow, which knows what is wrong with them."""

import copy
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError

from shared.control_api import (
    CONNECT_TRANSPORT_REQUEST,
    CONSUME_REQUEST,
    CREATE_TRANSPORT_REQUEST,
    JOIN_REQUEST,
    MAX_INCOMING_BITRATE_REQUEST,
    PREFERRED_LAYERS,
    PRIORITY_REQUEST,
    PRODUCE_REQUEST,
)
from shared.data_control_api import CONSUME_DATA_REQUEST, PRODUCE_DATA_REQUEST
from shared.rtp_parameters import dump_rtp_parameters, load_rtp_capabilities, load_rtp_parameters
from shared.rtp_parameters.schemas import RtpCapabilitiesSchema, RtpMappingSchema, RtpParametersSchema
from shared.sctp_stream_parameters import SctpStreamParametersSchema
from shared.transport_parameters import _IceCandidateSchema, _IceParametersSchema, _SctpParametersSchema
from shared.wire_schema import MAX_REMEMBERED_CHARACTERS, ObjectSchema
from tests.support.rtp_samples import producer_parameters, receiver_capabilities

PARAMETERS = producer_parameters("chromium", "video", encodings=[{"ssrc": 1, "rtx": {"ssrc": 2}}], mid="0")
CAPABILITIES = receiver_capabilities("chromium")
FINGERPRINT = {"algorithm": "sha-256", "value": ":".join(["AB"] * 32)}
MAPPING = {
    "codecs": [{"payloadType": 96, "mappedPayloadType": 101}],
    "encodings": [{"mappedSsrc": 5, "rid": "r0"}, {"mappedSsrc": 6}],
}
CANDIDATE = {
    "foundation": "f",
    "priority": 1,
    "ip": "i",
    "address": "a",
    "protocol": "tcp",
    "port": 9,
    "type": "host",
    "tcpType": "passive",
}
DATA = {"streamId": 3, "ordered": False, "maxRetransmits": 2}
SAMPLES: list[tuple[ObjectSchema, dict[str, Any]]] = [
    (RtpParametersSchema(), PARAMETERS),
    (RtpCapabilitiesSchema(), CAPABILITIES),
    (RtpMappingSchema(), MAPPING),
    (SctpStreamParametersSchema(), DATA),
    (PRODUCE_REQUEST, {"peerId": "p", "kind": "video", "rtpParameters": PARAMETERS, "appData": {"a": [1]}}),
    (CONSUME_REQUEST, {"peerId": "p", "producerId": "x", "rtpCapabilities": CAPABILITIES, "priority": 3}),
    (CREATE_TRANSPORT_REQUEST, {"peerId": "p", "direction": "send", "numSctpStreams": {"OS": 2, "MIS": 3}}),
    (JOIN_REQUEST, {"peerId": "p", "userId": "u", "email": "e", "isProducer": True, "roomName": "r"}),
    (PREFERRED_LAYERS, {"spatialLayer": 2, "temporalLayer": 0}),
    (PRIORITY_REQUEST, {"priority": 255}),
    (MAX_INCOMING_BITRATE_REQUEST, {"bitrate": 0}),
    (PRODUCE_DATA_REQUEST, {"peerId": "p", "sctpStreamParameters": DATA, "label": "l", "appData": {"b": 1}}),
    (CONSUME_DATA_REQUEST, {"peerId": "p", "dataProducerId": "d", "ordered": False, "maxRetransmits": 0}),
    (_IceParametersSchema(), {"usernameFragment": "u", "password": "p", "iceLite": True}),
    (_IceCandidateSchema(), CANDIDATE),
    (_SctpParametersSchema(), {"port": 5000, "OS": 1, "MIS": 65535, "maxMessageSize": 9}),
    (CONNECT_TRANSPORT_REQUEST, {"dtlsParameters": {"role": "client", "fingerprints": [FINGERPRINT]}}),
]
ODD_VALUES = st.sampled_from(
    [
        *(None, False, True, 0, 0.0, 1, 1.0, -1, 96.0, 0.5, 1 << 40, 10**400, 1e308, math.inf, math.nan),
        *("", "x", "\ud800", "x" * 1025, "é" * 600, "audio", "server", [], {}, [{}], [1], [None], {"apt": "96"}),
        [{}] * 130,
    ]
)


def outcome(schema: ObjectSchema, wire: Any, *, slowly: bool) -> Any:
    """Return what is read, by its types as well, or the messages."""
    try:
        loaded = Schema.load(schema, wire) if slowly else schema.load(wire)
    except ValidationError as error:
        return error.messages
    return loaded, repr(loaded)


def places(value: Any) -> list[tuple[Any, Any]]:
    """List every container and key in a JSON value."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_both_ways_read_a_sample_alike(number: int) -> None:
    schema, wire = SAMPLES[number]
    loaded = outcome(schema, wire, slowly=False)
    assert isinstance(loaded[0], schema.target)
    assert loaded == outcome(schema, wire, slowly=True)
    assert schema.read(wire) == loaded[0], "a valid object is read straight away"


@given(st.data())
def test_both_ways_read_or_refuse_the_same(data: st.DataObject) -> None:
    schema, sample = data.draw(st.sampled_from(SAMPLES))
    wire = copy.deepcopy(sample)
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = data.draw(st.sampled_from(places(wire)))
        if data.draw(st.booleans()):
            container[key] = copy.deepcopy(data.draw(ODD_VALUES))
        else:
            del container[key]
        if not places(wire):
            break
    assert outcome(schema, wire, slowly=False) == outcome(schema, wire, slowly=True)


@pytest.mark.parametrize("wire", [None, 3, "x", [], [PARAMETERS], True])
def test_what_is_no_object_is_refused(wire: Any) -> None:
    messages = outcome(RtpParametersSchema(), wire, slowly=False)
    assert messages == outcome(RtpParametersSchema(), wire, slowly=True)
    assert isinstance(messages, dict)


def test_the_same_codecs_are_read_once() -> None:
    one, other = (load_rtp_parameters(json.loads(json.dumps(PARAMETERS))) for _ in range(2))
    assert one.codecs is other.codecs
    assert one.encodings is not other.encodings


def test_a_true_is_no_one_though_python_says_so() -> None:
    wire = {"codecs": [{"payloadType": 1, "mappedPayloadType": 101}]}
    schema = RtpMappingSchema()
    assert schema.load(wire).codecs[0].payload_type == 1
    with pytest.raises(ValidationError):
        schema.load({"codecs": [{"payloadType": True, "mappedPayloadType": 101}]})


def test_long_lists_are_read_and_not_remembered() -> None:
    codec = {"mimeType": "video/x", "clockRate": 1, "parameters": {"a": "b" * 1000}}
    wire = {
        "codecs": [{**codec, "payloadType": number} for number in range(MAX_REMEMBERED_CHARACTERS // 1000 + 1)]
    }
    one, other = load_rtp_parameters(wire), load_rtp_parameters(wire)
    assert one == other
    assert one.codecs is not other.codecs


@pytest.mark.parametrize("depth", [100, 100_000])
def test_what_nobody_reads_may_be_nested_as_deeply_as_it_can_be_parsed(depth: int) -> None:
    deep: list[Any] = []
    for _ in range(depth):
        deep = [deep]
    parameters, capabilities = copy.deepcopy(PARAMETERS), copy.deepcopy(CAPABILITIES)
    parameters["codecs"][0]["unknown"] = capabilities["codecs"][0]["unknown"] = deep
    produce = {"peerId": "p", "kind": "video", "rtpParameters": parameters}
    assert PRODUCE_REQUEST.load_request(produce).rtp_parameters == load_rtp_parameters(PARAMETERS)
    consume = {"peerId": "p", "producerId": "x", "rtpCapabilities": capabilities}
    assert CONSUME_REQUEST.load_request(consume).rtp_capabilities == load_rtp_capabilities(CAPABILITIES)


@pytest.mark.parametrize("value", [10**400, -(10**400), 1e308, math.inf, math.nan])
def test_a_format_parameter_that_is_no_number_of_json_is_refused(value: float) -> None:
    wire = copy.deepcopy(PARAMETERS)
    wire["codecs"][0]["parameters"]["level"] = value
    with pytest.raises(ValidationError):
        load_rtp_parameters(wire)


def test_what_is_written_is_what_was_read() -> None:
    parameters = load_rtp_parameters(PARAMETERS)
    assert load_rtp_parameters(dump_rtp_parameters(parameters)) == parameters

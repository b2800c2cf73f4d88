"""SCTP stream parameters: what mediasoup takes, what it refuses, and what comes out."""

from typing import Any

import pytest
from marshmallow import ValidationError

from shared.data_control_api import CONSUME_DATA_REQUEST, PRODUCE_DATA_REQUEST
from shared.sctp_stream_parameters import (
    SctpStreamParameters,
    dump_sctp_stream_parameters,
    load_sctp_stream_parameters,
)

WIRE_AND_MEANING = [
    ({"streamId": 0}, SctpStreamParameters(0, ordered=True)),
    ({"streamId": 65534, "ordered": False}, SctpStreamParameters(65534, ordered=False)),
    ({"streamId": 1, "maxRetransmits": 3}, SctpStreamParameters(1, ordered=False, max_retransmits=3)),
    ({"streamId": 1, "maxPacketLifeTime": 9}, SctpStreamParameters(1, ordered=False, max_packet_life_time=9)),
    ({"streamId": 1, "ordered": True, "maxRetransmits": 0}, SctpStreamParameters(1, max_retransmits=0)),
    ({"streamId": 1, "ordered": None, "maxRetransmits": None, "label": "x"}, SctpStreamParameters(1)),
]


@pytest.mark.parametrize(("wire", "meaning"), WIRE_AND_MEANING)
def test_they_are_read_as_mediasoup_reads_them(wire: dict[str, Any], meaning: SctpStreamParameters) -> None:
    assert load_sctp_stream_parameters(wire) == meaning
    assert load_sctp_stream_parameters(dump_sctp_stream_parameters(meaning)) == meaning


def test_only_what_is_neither_limited_nor_counted_is_reliable() -> None:
    assert SctpStreamParameters(1).is_reliable
    assert SctpStreamParameters(1, ordered=False).is_reliable
    assert not SctpStreamParameters(1, max_retransmits=0).is_reliable
    assert not SctpStreamParameters(1, max_packet_life_time=1).is_reliable


@pytest.mark.parametrize(
    ("wire", "field"),
    [
        ({"streamId": None}, "streamId"),
        ({"streamId": True}, "streamId"),
        ({"streamId": 1.5}, "streamId"),
        ({"streamId": 1, "ordered": "yes"}, "ordered"),
        ({"streamId": 1, "ordered": True, "maxPacketLifeTime": 1}, "ordered"),
        ({"streamId": 1, "maxPacketLifeTime": 1, "maxRetransmits": 1}, "maxRetransmits"),
        ({"streamId": 1, "maxPacketLifeTime": -1}, "maxPacketLifeTime"),
    ],
)
def test_what_is_refused_names_its_field(wire: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        load_sctp_stream_parameters(wire)
    assert list(refused.value.messages_dict) == [field]


def test_requests_carry_them() -> None:
    body = {"peerId": "ann", "sctpStreamParameters": {"streamId": 2}, "label": None}
    request = PRODUCE_DATA_REQUEST.load_request(body)
    assert (request.sctp_stream_parameters, request.label, request.paused) == (SctpStreamParameters(2), "", False)
    wish = CONSUME_DATA_REQUEST.load_request({"peerId": "bob", "dataProducerId": "x", "ordered": False})
    assert (wish.ordered, wish.max_retransmits, wish.transport_id) == (False, None, None)
    with pytest.raises(ValidationError) as refused:
        CONSUME_DATA_REQUEST.load_request(
            {"peerId": "b", "dataProducerId": "x", "ordered": True, "maxRetransmits": 1}
        )
    assert list(refused.value.messages_dict) == ["ordered"]

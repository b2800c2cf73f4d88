"""Which producer of a transport a packet is taken for."""

from typing import Any

import pytest

from sfu.rtp.packet import parse_rtp_header
from sfu.worker.errors import RefusedError
from sfu.worker.rtp_listener import MAX_LEARNT_SSRCS
from sfu.worker.webrtc_transport import WebRtcTransport
from tests.support.media_rig import MediaRig
from tests.support.rtp_packets import build_rtp

MID_ID, RID_ID = 4, 10
VP8, VP8_RTX = 96, 97


def element(number: int, text: str) -> bytes:
    return bytes([number << 4 | len(text) - 1]) + text.encode()


def found(transport: WebRtcTransport, ssrc: int, payload_type: int = VP8, *elements: bytes) -> Any:
    extension = (0xBEDE, b"".join(elements)) if elements else None
    packet = build_rtp(payload=b"x", ssrc=ssrc, payload_type=payload_type, extension=extension)
    view = memoryview(packet)
    return transport._listener.find(view, parse_rtp_header(view, len(view)))


def test_a_mid_leads_to_its_producer_and_then_the_ssrc_alone_does(rig: MediaRig) -> None:
    here = rig.transport()
    first = rig.produce(here, encodings=[{}], mid="a")
    second = rig.produce(here, encodings=[{}], mid="b")
    assert found(here, 50, VP8, element(MID_ID, "b")) is second
    assert found(here, 50) is second
    assert found(here, 51, VP8, element(MID_ID, "a")) is first
    assert found(here, 52, VP8, element(MID_ID, "c")) is None
    assert found(here, 53) is None, "the payload type is that of both"


def test_a_rid_leads_to_its_producer_with_and_without_mid(rig: MediaRig) -> None:
    here = rig.transport()
    first = rig.produce(here, encodings=[{"rid": "x"}, {"rid": "y"}], mid="a")
    second = rig.produce(here, encodings=[{"rid": "y"}, {"rid": "z"}], mid="b")
    assert found(here, 60, VP8, element(RID_ID, "z")) is second
    assert found(here, 61, VP8, element(RID_ID, "y")) is first
    assert found(here, 62, VP8, element(MID_ID, "b"), element(RID_ID, "y")) is second
    here.remove_producer(first)
    assert found(here, 63, VP8, element(RID_ID, "y")) is second


def test_a_payload_type_leads_to_the_only_producer_that_still_lacks_the_stream(rig: MediaRig) -> None:
    here = rig.transport()
    producer = rig.produce(here, encodings=[{}], mid="a")
    rig.produce(here, encodings=[{"ssrc": 5, "rtx": {"ssrc": 6}}], mid="b")
    assert found(here, 70, VP8_RTX) is None, "there is no stream that it could repair"
    rig.receive(here, build_rtp(payload=b"\x10\x01x", ssrc=71, payload_type=VP8))
    assert [stream.ssrc for stream in producer.streams] == [71]
    assert found(here, 72) is None, "it has its stream"
    assert found(here, 73, VP8_RTX) is producer
    rig.receive(here, build_rtp(payload=b"\0\1\x10\x01x", ssrc=74, payload_type=VP8_RTX))
    assert found(here, 75, VP8_RTX) is None, "it has its repair"


def test_a_mid_of_nobody_is_not_overruled_by_the_payload_type(rig: MediaRig) -> None:
    here = rig.transport()
    producer = rig.produce(here, encodings=[{}], mid="a")
    assert found(here, 80, VP8, element(MID_ID, "gone")) is None
    assert found(here, 80) is producer


def test_learnt_ssrcs_are_bounded_and_freed_with_their_producer(rig: MediaRig) -> None:
    here = rig.transport()
    producer = rig.produce(here, encodings=[{}], mid="a")
    for ssrc in range(1000, 1000 + MAX_LEARNT_SSRCS):
        assert found(here, ssrc, VP8, element(MID_ID, "a")) is producer
    assert found(here, 5000, VP8, element(MID_ID, "a")) is None
    assert found(here, 1000) is producer
    here.remove_producer(producer)
    listener = here._listener
    assert (listener._by_ssrc, listener._by_mid, listener._by_payload_type) == ({}, {}, {})
    assert listener._learnt == set()
    again = rig.produce(here, encodings=[{}], mid="a")
    assert found(here, 5000, VP8, element(MID_ID, "a")) is again


def test_what_another_producer_has_is_refused_and_changes_nothing(rig: MediaRig) -> None:
    here = rig.transport()
    first = rig.produce(here, encodings=[{"ssrc": 5, "rtx": {"ssrc": 6}}], mid="a")
    for fields in (
        {"encodings": [{"ssrc": 5}], "mid": "b"},
        {"encodings": [{"ssrc": 7, "rtx": {"ssrc": 6}}], "mid": "b"},
        {"encodings": [{"ssrc": 7}], "mid": "a"},
        {"encodings": [{"ssrc": 8}, {"ssrc": 8}], "mid": "b"},
        {"encodings": [{"ssrc": 8, "rtx": {"ssrc": 8}}], "mid": "b"},
    ):
        with pytest.raises(RefusedError):
            rig.produce(here, **fields)
    assert list(here.producers.values()) == [first]
    rig.produce(here, encodings=[{"ssrc": 7}], mid="b")


def test_a_signalled_ssrc_takes_a_learnt_one_over_for_good(rig: MediaRig) -> None:
    here = rig.transport()
    first = rig.produce(here, encodings=[{}], mid="a")
    assert found(here, 90, VP8, element(MID_ID, "a")) is first
    second = rig.produce(here, encodings=[{"ssrc": 90}], mid="b")
    assert found(here, 90) is second
    with pytest.raises(RefusedError):
        rig.produce(here, encodings=[{"ssrc": 90}], mid="c")
    here.remove_producer(first)
    assert found(here, 90) is second

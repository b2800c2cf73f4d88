"""What receivers get of one producer: negotiated once a kind of receiver."""

from copy import deepcopy

import pytest

from sfu.control.negotiation import RECEIVERS_REMEMBERED, ConsumerNegotiation, negotiate_producer
from sfu.errors import CannotConsume
from shared.rtp_parameters import RtpCapabilities, load_rtp_capabilities, load_rtp_parameters
from tests.support.rtp_samples import producer_parameters, receiver_capabilities


def video() -> ConsumerNegotiation:
    offered = producer_parameters("chromium", "video", encodings=[{"ssrc": 1000}], mid="1")
    negotiated = negotiate_producer("video", load_rtp_parameters(offered), None)
    return ConsumerNegotiation("video", negotiated.consumable_rtp_parameters)


def chromium() -> RtpCapabilities:
    return load_rtp_capabilities(receiver_capabilities("chromium"))


def test_receivers_alike_differ_in_ssrc_and_mid_only() -> None:
    receivers, capabilities = video(), chromium()
    first = receivers.rtp_parameters(capabilities, 5000, "0")
    kept = deepcopy(first)
    second = receivers.rtp_parameters(capabilities, 7000, "12")
    assert first == kept
    assert (first["mid"], second["mid"]) == ("0", "12")
    assert [first["encodings"][0][name] for name in ("ssrc", "rtx")] == [5000, {"ssrc": 5001}]
    assert [second["encodings"][0][name] for name in ("ssrc", "rtx")] == [7000, {"ssrc": 7001}]
    assert second == video().rtp_parameters(chromium(), 7000, "12") | {"rtcp": second["rtcp"]}


def test_who_cannot_receive_it_is_refused_each_time() -> None:
    receivers, capabilities = video(), RtpCapabilities([])
    for _ in range(2):
        with pytest.raises(CannotConsume):
            receivers.rtp_parameters(capabilities, 5000, "0")


def test_any_number_of_kinds_of_receivers_can_come() -> None:
    receivers = video()
    kinds = [chromium() for _ in range(RECEIVERS_REMEMBERED + 3)]
    for _ in range(2):
        for ssrc, kind in enumerate(kinds, 5000):
            assert receivers.rtp_parameters(kind, ssrc, "0")["encodings"][0]["ssrc"] == ssrc

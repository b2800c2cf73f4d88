"""What a publisher is told while it sends: its limit, beside transport-wide feedback or by REMB alone."""

import pytest

from sfu.bwe.remb import UNLIMITED_REPEATS
from sfu.rtp.rtcp import Remb, TransportFeedback
from sfu.worker.publisher_feedback import DEFAULT_ESTIMATE_BPS
from shared.rtp_parameters import uris
from tests.support.media_rig import VP8_KEY_FRAME, MediaRig, video


def test_a_limit_goes_out_beside_transport_wide_feedback(rig: MediaRig) -> None:
    here = rig.transport()
    rig.produce(here)
    rig.receive(here, video(1, VP8_KEY_FRAME, extension=(0xBEDE, b"\x31\x00\x01")))
    rig.advance(2)
    assert here.link.rtcp_of(Remb) == []
    here.set_max_incoming_bitrate(400_000)
    rig.advance(2.5)
    rembs = here.link.rtcp_of(Remb)
    assert {remb.bitrate_bps for remb in rembs} == {400_000}
    assert {remb.ssrcs for remb in rembs} == {(1111,)}
    assert len(rembs) == 3
    assert here.link.rtcp_of(TransportFeedback)
    here.set_max_incoming_bitrate(0)
    rig.advance(20)
    assert [remb.bitrate_bps for remb in here.link.rtcp_of(Remb)[3:]] == [0] * UNLIMITED_REPEATS


def test_a_limit_caps_what_a_publisher_without_transport_wide_feedback_is_allowed(rig: MediaRig) -> None:
    here = rig.transport()
    rig.produce(here, headerExtensions=[])
    rig.receive(here, video(1, VP8_KEY_FRAME))
    rig.advance(1.5)
    assert {remb.bitrate_bps for remb in here.link.rtcp_of(Remb)} == {DEFAULT_ESTIMATE_BPS}
    here.set_max_incoming_bitrate(DEFAULT_ESTIMATE_BPS // 4)
    rig.advance(1)
    assert here.link.rtcp_of(Remb)[-1].bitrate_bps == DEFAULT_ESTIMATE_BPS // 4
    here.set_max_incoming_bitrate(10 * DEFAULT_ESTIMATE_BPS)
    rig.advance(1)
    assert here.link.rtcp_of(Remb)[-1].bitrate_bps == DEFAULT_ESTIMATE_BPS


def test_without_transport_wide_feedback_we_estimate_by_times_of_sending(rig: MediaRig) -> None:
    here = rig.transport()
    codec = {"mimeType": "video/VP8", "payloadType": 96, "clockRate": 90_000}
    feedback = [{"type": "goog-remb"}, {"type": "nack"}, {"type": "nack", "parameter": "pli"}]
    producer = rig.produce(
        here,
        codecs=[{**codec, "rtcpFeedback": feedback}],
        headerExtensions=[{"uri": uris.ABS_SEND_TIME, "id": 2}],
        encodings=[{"ssrc": 1111}],
    )
    assert producer.uses_remb
    assert not producer.uses_transport_cc
    began = rig.now
    for number in range(600):
        sent_at = int(number / 200 * (1 << 18)) & 0xFFFFFF
        element = b"\x22" + sent_at.to_bytes(3, "big")
        rig.receive(here, video(number, VP8_KEY_FRAME + bytes(1000), extension=(0xBEDE, element)))
        late = max(0.0, number - 300) * 0.01  # the path carries half as much from the middle on
        rig.advance(max(0.0, began + number / 200 + late - rig.now))
    estimates = [remb.bitrate_bps for remb in here.link.rtcp_of(Remb)]
    assert estimates[0] == DEFAULT_ESTIMATE_BPS
    assert estimates[-1] < 1_000_000
    assert here.available_incoming_bitrate_bps == pytest.approx(estimates[-1], rel=0.001)
    assert {remb.ssrcs for remb in here.link.rtcp_of(Remb)} == {(1111,)}

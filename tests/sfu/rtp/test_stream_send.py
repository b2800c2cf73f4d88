import pytest

from sfu.rtp.rtcp import ReportBlock
from sfu.rtp.stream_send import (
    MAX_REMEMBERED_RETRANSMISSIONS,
    MIN_RETRANSMISSION_INTERVAL_S,
    SendStream,
)

NTP = 0x83AA7E80_00000000


def stream() -> SendStream:
    return SendStream(0x1234, 96, 90_000, rtx_ssrc=0x5678, rtx_payload_type=97)


def block(lsr: int, dlsr: int) -> ReportBlock:
    return ReportBlock(0x1234, 12, 34, 0, 56, lsr, dlsr)


def test_counts_batches() -> None:
    send = stream()
    assert send.last_sent_at is None
    send.sent(6, 7000, 3000, 1.0)
    send.sent(1, 1000, 6000, 1.1)
    assert (send.packets_sent, send.bytes_sent, send.last_timestamp, send.last_sent_at) == (7, 8000, 6000, 1.1)


def test_sender_report_carries_the_publishers_clock_on() -> None:
    send = stream()
    send.sent(7, 8000, 0, 1.0)
    report = send.sender_report(10.5, (NTP, 1000, 10.0), 0xFFFFFFFF)
    assert report.ssrc == 0x1234
    assert report.ntp == NTP + (1 << 31)
    assert report.rtp_timestamp == 1000 + 45_000 - 1
    assert (report.packet_count, report.octet_count) == (7, 8000)


def test_sender_report_wraps_what_the_wire_wraps() -> None:
    send = stream()
    send.sent(1 << 33, (1 << 40) + 5, 0, 1.0)
    report = send.sender_report(11.0, ((1 << 64) - 1, 0xFFFFFFFF, 10.0), 0)
    assert report.serialize()
    assert report.ntp == (1 << 32) - 1
    assert report.rtp_timestamp == 89_999
    assert (report.packet_count, report.octet_count) == (0, 5)


def test_a_source_report_from_the_future_counts_as_now() -> None:
    assert stream().sender_report(9.0, (NTP, 1000, 10.0), 0).rtp_timestamp == 1000


def test_receiver_report_measures_the_round_trip() -> None:
    send = stream()
    send.sender_report(10.0, (NTP, 0, 10.0), 0)
    send.sender_report(11.0, (NTP, 0, 10.0), 0)
    send.receiver_report(block(0x7E80_0000, 65536), 11.25)
    assert send.rtt_s == pytest.approx(0.25)
    assert (send.fraction_lost, send.packets_lost, send.jitter) == (12, 34, 56)
    send.receiver_report(block(0x7E81_0000, 0), 11.125)
    assert send.rtt_s == pytest.approx(0.125)


def test_receiver_report_before_any_sender_report_measures_nothing() -> None:
    send = stream()
    send.receiver_report(block(0, 0), 5.0)
    send.receiver_report(block(77, 0), 5.0)
    assert send.rtt_s is None


def test_rtx_numbers_wrap() -> None:
    send = stream()
    numbers = [send.next_rtx_sequence() for _ in range(65_538)]
    assert numbers == [*range(65_536), 0, 1]


def test_a_packet_is_not_sent_again_within_a_round_trip() -> None:
    send = stream()
    assert send.may_retransmit(5, 1.0, 0.1)
    assert not send.may_retransmit(5, 1.05, 0.1)
    assert not send.may_retransmit(5, 1.09, 0.1)
    assert send.may_retransmit(6, 1.05, 0.1)
    assert send.may_retransmit(5, 1.11, 0.1)


def test_a_tiny_round_trip_still_leaves_an_interval() -> None:
    send = stream()
    assert send.may_retransmit(5, 1.0, 0.0)
    assert not send.may_retransmit(5, 1.0 + MIN_RETRANSMISSION_INTERVAL_S / 2, 0.0)
    assert send.may_retransmit(5, 1.0 + MIN_RETRANSMISSION_INTERVAL_S * 1.1, 0.0)


def test_memory_of_retransmissions_is_bounded() -> None:
    send = stream()
    for seq in range(10 * MAX_REMEMBERED_RETRANSMISSIONS):
        assert send.may_retransmit(seq, 1.0, 1.0)
    assert len(send._retransmitted_at) == MAX_REMEMBERED_RETRANSMISSIONS
    assert not send.may_retransmit(10 * MAX_REMEMBERED_RETRANSMISSIONS - 1, 1.0, 1.0)

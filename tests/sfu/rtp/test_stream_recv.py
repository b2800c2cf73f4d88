import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.rtcp import ReportBlock, SenderReport
from sfu.rtp.stream_recv import MAX_DROPOUT, MAX_MISORDER, MAX_MISSING, ReceiveStream, unwrap_rtx
from tests.support.rtp_packets import BOUNDARIES

CYCLE = 65536


def stream(clock_rate: int = 90_000) -> ReceiveStream:
    return ReceiveStream(0x1234, 96, clock_rate, use_nack=True)


def feed(recv: ReceiveStream, *seqs: int) -> list[int | None]:
    return [recv.receive(seq & 0xFFFF, 0, 100, 1.0) for seq in seqs]


@pytest.mark.parametrize("start", BOUNDARIES)
def test_numbers_grow_over_the_wrap(start: int) -> None:
    recv = stream()
    assert feed(recv, *range(start, start + 70_000)) == list(range(start + CYCLE, start + CYCLE + 70_000))
    assert (recv.packets_received, recv.packets_expected, recv.packets_lost) == (70_000, 70_000, 0)
    assert recv.bytes_received == 7_000_000
    assert recv.highest == start + CYCLE + 69_999


@pytest.mark.parametrize("start", BOUNDARIES)
def test_late_packets_are_taken_once(start: int) -> None:
    recv = stream()
    assert feed(recv, start, start + 3) == [start + CYCLE, start + CYCLE + 3]
    assert recv.packets_lost == 2
    assert feed(recv, start + 1, start + 1, start + 3, start) == [start + CYCLE + 1, None, None, None]
    assert feed(recv, start + 2) == [start + CYCLE + 2]
    assert (recv.packets_received, recv.packets_lost, recv.packets_discarded) == (4, 0, 3)


def test_before_the_first_packet() -> None:
    recv = stream()
    assert (recv.highest, recv.packets_expected, recv.packets_lost) == (-1, 0, 0)
    assert recv.receive_rtx(5) is None
    assert recv.report_block(1.0) == ReportBlock(0x1234, 0, 0, 0, 0, 0, 0)


def test_packets_before_the_first_one_are_dropped() -> None:
    recv = stream()
    assert feed(recv, 100, 99, 98) == [100 + CYCLE, None, None]
    assert recv.packets_expected == 1


@pytest.mark.parametrize("start", BOUNDARIES)
@pytest.mark.parametrize("jump", [MAX_DROPOUT, 20_000, 0x8000, CYCLE - MAX_MISORDER - 10])
def test_a_source_that_starts_anew_is_believed_at_the_second_packet(start: int, jump: int) -> None:
    recv = stream()
    feed(recv, start, start + 1)
    recv.sender_report(SenderReport(0x1234, 1 << 32, 2, 3, 4), 1.0)
    anew = start + 1 + jump
    assert feed(recv, anew, anew + 1, anew + 2) == [None, anew + 1 + CYCLE, anew + 2 + CYCLE]
    assert recv.restarts == 1
    assert (recv.packets_expected, recv.packets_received, recv.packets_lost) == (4, 4, 0)
    assert recv.last_sender_report is None


def test_a_single_packet_astray_changes_nothing() -> None:
    recv = stream()
    assert feed(recv, 100, 30_000, 101, 30_005, 102) == [100 + CYCLE, None, 101 + CYCLE, None, 102 + CYCLE]
    assert (recv.restarts, recv.packets_discarded, recv.packets_lost) == (0, 2, 0)


def test_a_gap_ends_the_trial_of_a_jump() -> None:
    recv = stream()
    feed(recv, 100, 30_000, 110, 30_001)
    assert recv.restarts == 0


def test_a_replayed_series_just_behind_is_no_restart() -> None:
    recv = stream()
    feed(recv, *range(2000))
    assert feed(recv, *range(2000 - MAX_MISORDER, 2000)) == [None] * MAX_MISORDER
    assert recv.restarts == 0


def test_memory_of_missing_packets_is_bounded() -> None:
    recv = stream()
    feed(recv, *range(0, 100 * (MAX_DROPOUT - 1), MAX_DROPOUT - 1))
    assert len(recv._missing) <= 2 * MAX_MISSING
    highest = recv.highest
    assert feed(recv, highest - 1, highest - MAX_MISSING) == [highest - 1, highest - MAX_MISSING]


def test_rtx_repairs_what_is_missing_and_nothing_else() -> None:
    recv = stream()
    feed(recv, 65534, 2)
    assert recv.receive_rtx(65535) == 65535 + CYCLE
    assert recv.receive_rtx(65535) is None
    assert recv.receive_rtx(65534) is None
    assert recv.receive_rtx(2) is None
    assert recv.receive_rtx(4) == 2 * CYCLE + 4
    assert recv.receive_rtx(5 + MAX_DROPOUT) is None
    assert feed(recv, 4, 3, 5) == [None, 2 * CYCLE + 3, 2 * CYCLE + 5]
    assert (recv.packets_repaired, recv.packets_retransmitted) == (2, 6)
    assert (recv.packets_received, recv.packets_lost) == (4, 4)


def test_rtx_payload() -> None:
    assert unwrap_rtx(b"\x12\x34media") == (0x1234, 2)
    assert unwrap_rtx(memoryview(b"\xff\xff")) == (0xFFFF, 2)
    for payload in (b"", b"\x12"):
        with pytest.raises(ValueError, match=r"RTX payload of . bytes holds no original sequence number"):
            unwrap_rtx(payload)


def test_report_block_of_an_interval() -> None:
    recv = stream()
    feed(recv, *range(100, 200))
    assert recv.report_block(2.0).fraction_lost == 0
    feed(recv, *range(225, 300))
    block = recv.report_block(3.0)
    assert (block.fraction_lost, block.packets_lost, block.highest_sequence) == (64, 25, 299)
    assert recv.fraction_lost == 64
    feed(recv, *range(300, 400))
    block = recv.report_block(4.0)
    assert (block.fraction_lost, block.packets_lost, block.highest_sequence) == (0, 25, 399)


def test_late_packets_make_no_negative_fraction() -> None:
    recv = stream()
    feed(recv, 1, 10)
    assert recv.report_block(1.0).fraction_lost == 8 * 256 // 10
    feed(recv, *range(2, 10))
    block = recv.report_block(2.0)
    assert (block.fraction_lost, block.packets_lost) == (0, 0)


def test_nothing_received_in_an_interval() -> None:
    recv = stream()
    feed(recv, 1, 2)
    recv.report_block(1.0)
    assert recv.report_block(2.0).fraction_lost == 0


def test_the_extended_number_counts_cycles() -> None:
    recv = stream()
    feed(recv, 65535, 0, 1)
    assert recv.report_block(1.0).highest_sequence == CYCLE + 1


def test_sender_report_comes_back_with_its_delay() -> None:
    recv = stream()
    recv.sender_report(SenderReport(0x1234, 0x83AA7E80_12345678, 777, 1, 2), 5.0)
    assert recv.last_sender_report == (0x83AA7E80_12345678, 777, 5.0)
    block = recv.report_block(5.5)
    assert (block.lsr, block.dlsr) == (0x7E801234, 32768)
    assert recv.report_block(5.0 + (1 << 20)).dlsr == 0xFFFFFFFF


def test_jitter_follows_the_rfc_for_one_packet_a_timestamp() -> None:
    recv = stream(8000)
    jitter = 0.0
    for index in range(200):
        late = 0.010 if index % 2 else 0.0
        recv.receive(index, 0xFFFFFF00 + index * 160 & 0xFFFFFFFF, 10, index * 0.020 + late)
        if index:
            jitter += (80 - jitter) / 16
    assert recv.jitter == pytest.approx(jitter)
    assert recv.report_block(9.0).jitter == int(jitter)


def test_a_frame_of_several_packets_and_a_pause_are_no_jitter() -> None:
    recv = stream()
    for index in range(5):
        recv.receive(index, 3000, 10, 1.0 + index / 100)
    recv.receive(5, 3000 + 90_000 * 3600, 10, 2.0)
    assert recv.jitter == 0.0


def test_reordered_packets_do_not_disturb_the_jitter() -> None:
    recv = stream(8000)
    for index, now in ((0, 0.0), (2, 0.040), (1, 0.041), (3, 0.060)):
        recv.receive(index, index * 160, 10, now)
    assert recv.jitter == pytest.approx(0.0, abs=1e-6)


def test_bitrate() -> None:
    recv = stream()
    for index in range(300):
        recv.receive(index, index, 1000, 10 + index / 100)
    assert recv.bitrate_bps(13.0) == pytest.approx(800_000, rel=0.06)
    assert recv.bitrate_bps(15.0) == 0


def test_nack_generator_only_when_negotiated() -> None:
    assert stream().nack_generator is not None
    assert ReceiveStream(1, 111, 48_000, use_nack=False).nack_generator is None


@given(st.integers(0, 65535), st.lists(st.integers(-40, 40), max_size=200))
def test_every_packet_near_the_highest_is_taken_exactly_once(start: int, steps: list[int]) -> None:
    recv = stream()
    first = highest = start + CYCLE
    assert feed(recv, start) == [first]
    taken = {first}
    for step in steps:
        seq = highest + step
        expected = seq if seq > first and seq not in taken else None
        assert feed(recv, seq) == [expected]
        if expected is not None:
            taken.add(seq)
            highest = max(highest, seq)
    assert recv.packets_received == len(taken)
    assert recv.packets_lost == highest - first + 1 - len(taken)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 65535)), max_size=100))
def test_any_sequence_of_numbers_gives_each_output_once(packets: list[tuple[bool, int]]) -> None:
    recv = stream()
    taken: set[int] = set()
    for is_rtx, seq16 in packets:
        seq = recv.receive_rtx(seq16) if is_rtx else recv.receive(seq16, seq16, 1, 1.0)
        if seq is not None:
            assert seq not in taken
            assert seq & 0xFFFF == seq16
            taken.add(seq)
    assert recv.packets_received + recv.packets_repaired == len(taken)

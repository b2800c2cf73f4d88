import pytest

from sfu.rtp.rtcp import SenderReport
from sfu.rtp.splice_clock import SourceClock, clock_of, continue_clock
from sfu.rtp.stream_recv import ReceiveStream

NTP_S = 1 << 32
RATE = 90_000


def stream(ssrc: int, ntp_s: float | None = None, timestamp: int = 0) -> ReceiveStream:
    received = ReceiveStream(ssrc, 96, RATE, use_nack=False)
    if ntp_s is not None:
        received.sender_report(SenderReport(ssrc, int(ntp_s * NTP_S), timestamp & 0xFFFFFFFF, 1, 1), 0.0)
    return received


def outgoing(end: tuple[SourceClock, int, int, float], clock: SourceClock, timestamp: int, now: float) -> int:
    return timestamp + continue_clock(end, clock, timestamp, now) & 0xFFFFFFFF


@pytest.mark.parametrize("base", [0, 0x7FFFFFFF, 0xFFFFFF00])
def test_reports_of_both_place_a_frame_where_its_time_is(base: int) -> None:
    before, after = stream(1, 100, base), stream(2, 101, 5_000_000)
    # The last frame was of 100.5 s, the next one is of 100.6: it comes 0.3 s later, as it was held up.
    end = (clock_of(before), 77, base + 45_000 + 77, 10.0)
    found = outgoing(end, clock_of(after), 5_000_000 - 36_000, 10.3)
    assert found == base + 77 + 54_000 & 0xFFFFFFFF


@pytest.mark.parametrize("known", [(None, None), (100, None), (None, 100)])
def test_without_reports_of_both_the_time_of_arrival_counts(known: tuple[float | None, float | None]) -> None:
    before, after = stream(1, known[0]), stream(2, known[1])
    assert outgoing((clock_of(before), 0, 1000, 10.0), clock_of(after), 7, 10.5) == 1000 + 45_000


def test_time_goes_forward_even_if_the_reports_say_otherwise() -> None:
    before, after = stream(1, 100), stream(2, 100)
    assert outgoing((clock_of(before), 0, 9000, 10.0), clock_of(after), 8000, 10.0) == 9001
    assert outgoing((clock_of(stream(3)), 0, 9000, 10.0), clock_of(stream(4)), 8000, 10.0) == 9001


def test_reports_that_are_far_off_are_not_believed() -> None:
    before, after = stream(1, 100), stream(2, 5000)
    assert outgoing((clock_of(before), 0, 0, 10.0), clock_of(after), 0, 10.1) == 9000


def test_the_same_clock_goes_on_as_it_is_until_it_starts_anew() -> None:
    received = stream(1, 100)
    end = (clock_of(received), 123, 5000, 10.0)
    assert continue_clock(end, clock_of(received), 9_999_999, 50.0) == 123
    received.restarts += 1
    assert outgoing(end, clock_of(received), 9_999_999, 10.1) == 5000 + 9000

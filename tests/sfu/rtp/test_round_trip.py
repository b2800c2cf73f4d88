import pytest

from sfu.rtp.round_trip import RoundTrip, middle_32_bits

NTP = 0x83AA7E80_12345678


def test_the_middle_of_an_ntp_time() -> None:
    assert middle_32_bits(NTP) == 0x7E801234


def test_measures_what_is_left_without_the_delay_at_the_other_end() -> None:
    trip = RoundTrip()
    trip.sent(NTP, 10.0)
    assert trip.rtt_s is None
    assert trip.returned(0x7E801234, 32768, 10.62) == pytest.approx(0.12)
    assert trip.rtt_s == pytest.approx(0.12)


def test_rounding_never_makes_it_negative() -> None:
    trip = RoundTrip()
    trip.sent(NTP, 10.0)
    assert trip.returned(0x7E801234, 65536, 10.999) == 0.0


@pytest.mark.parametrize(
    ("stamp", "delay", "now"), [(1, 0, 10.1), (0x7E801234, 65536, 10.5), (0x7E801234, 0, 99.0)]
)
def test_nonsense_changes_nothing(stamp: int, delay: int, now: float) -> None:
    trip = RoundTrip()
    trip.sent(NTP, 10.0)
    assert trip.returned(stamp, delay, now) is None
    trip.returned(0x7E801234, 0, 10.05)
    assert trip.returned(stamp, delay, now) == pytest.approx(0.05)


def test_only_the_last_few_are_remembered() -> None:
    trip = RoundTrip()
    for second in range(9):
        trip.sent(second << 32, second)
    assert trip.returned(0, 0, 9.0) is None
    assert trip.returned(1 << 16, 0, 9.0) == pytest.approx(8.0)

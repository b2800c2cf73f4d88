from sfu.bwe.remb import INTERVAL_S, MAX_SSRCS, MIN_INTERVAL_S, UNLIMITED_REPEATS, RembGenerator
from sfu.rtp.rtcp import Remb


def told(remb: RembGenerator, now: float) -> list[int]:
    return [message.bitrate_bps for message in remb.due(now, [1])]


def test_without_estimate_and_limit_there_is_nothing_to_tell() -> None:
    remb = RembGenerator()
    assert remb.next_timeout() is None
    assert remb.due(1.0, [1]) == []


def test_the_estimate_goes_out_once_an_interval() -> None:
    remb = RembGenerator(sender_ssrc=7)
    remb.estimate_bps = 1_000_000
    assert remb.due(1.0, [4, 5]) == [Remb(7, 1_000_000, (4, 5))]
    remb.estimate_bps = 1_100_000
    assert remb.next_timeout() == 1.0 + INTERVAL_S
    assert told(remb, 1.0 + INTERVAL_S / 2) == []
    assert told(remb, 1.0 + INTERVAL_S) == [1_100_000]


def test_a_falling_estimate_goes_out_soon_but_not_in_a_storm() -> None:
    remb = RembGenerator()
    remb.estimate_bps = 1_000_000
    assert told(remb, 1.0) == [1_000_000]
    remb.estimate_bps = 980_000
    assert remb.next_timeout() == 1.0 + INTERVAL_S
    remb.estimate_bps = 850_000
    assert told(remb, 1.0 + MIN_INTERVAL_S / 2) == []
    assert told(remb, 1.0 + MIN_INTERVAL_S) == [850_000]


def test_the_limit_caps_the_estimate_and_goes_out_at_once() -> None:
    remb = RembGenerator()
    remb.estimate_bps = 2_000_000
    assert told(remb, 1.0) == [2_000_000]
    remb.limit_bps = 500_000
    assert told(remb, 1.1) == [500_000]
    remb.estimate_bps = 300_000
    assert told(remb, 1.3) == [300_000]


def test_a_lifted_limit_is_taken_back_a_few_times_and_then_silence_falls() -> None:
    remb = RembGenerator()
    remb.limit_bps = 500_000
    assert told(remb, 1.0) == [500_000]
    remb.limit_bps = 0
    seen = [bps for step in range(20) for bps in told(remb, 1.1 + step * INTERVAL_S)]
    assert seen == [0] * UNLIMITED_REPEATS
    assert remb.next_timeout() is None


def test_lifting_what_was_never_set_says_nothing() -> None:
    remb = RembGenerator()
    remb.limit_bps = 0
    assert remb.next_timeout() is None


def test_a_publisher_without_streams_is_told_nothing() -> None:
    remb = RembGenerator()
    remb.limit_bps = 500_000
    assert remb.due(1.0, []) == []
    assert told(remb, 1.0 + INTERVAL_S) == [500_000]


def test_no_more_streams_are_named_than_fit() -> None:
    remb = RembGenerator()
    remb.limit_bps = 500_000
    (message,) = remb.due(1.0, range(1, 1000))
    assert len(message.ssrcs) == MAX_SSRCS

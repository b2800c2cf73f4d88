from sfu.bwe.remb import INTERVAL_S, RembGenerator
from sfu.rtp.rtcp import Remb


def test_goes_out_at_once_and_then_regularly() -> None:
    generator = RembGenerator(2_000_000, sender_ssrc=9)
    assert generator.next_timeout() <= 10.0
    assert generator.due(10.0, [1, 2]) == [Remb(9, 2_000_000, (1, 2))]
    assert generator.due(10.5, [1, 2]) == []
    assert generator.next_timeout() == 10.0 + INTERVAL_S
    assert generator.due(10.0 + INTERVAL_S, {3}) == [Remb(9, 2_000_000, (3,))]


def test_a_new_limit_goes_out_at_once() -> None:
    generator = RembGenerator(2_000_000)
    generator.due(10.0, [1])
    generator.max_bitrate_bps = 2_000_000
    assert generator.due(10.1, [1]) == []
    generator.max_bitrate_bps = 500_000
    assert generator.max_bitrate_bps == 500_000
    assert generator.due(10.1, [1]) == [Remb(0, 500_000, (1,))]


def test_nothing_to_say_about_no_streams() -> None:
    generator = RembGenerator(2_000_000)
    assert generator.due(10.0, []) == []
    assert generator.next_timeout() == 10.0 + INTERVAL_S

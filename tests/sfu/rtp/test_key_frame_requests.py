import pytest

from sfu.rtp.key_frame_requests import MIN_RETRY_S, RETRY_S, KeyFrameRequests


def test_the_first_request_goes_out_and_the_others_wait_for_its_key_frame() -> None:
    requests = KeyFrameRequests(min_interval_s=0.5, retry_s=1.0)
    assert requests.request(1, 10.0)
    assert not requests.request(1, 10.01)
    assert not requests.request(1, 10.7)
    requests.received(1)
    assert requests.next_timeout() is None
    assert requests.due(20.0) == []


def test_a_request_soon_after_a_key_frame_is_delayed() -> None:
    requests = KeyFrameRequests(min_interval_s=0.5, retry_s=1.0)
    assert requests.request(1, 10.0)
    requests.received(1)
    assert not requests.request(1, 10.1)
    assert requests.next_timeout() == 10.5
    assert requests.due(10.4) == []
    assert requests.due(10.5) == [1]
    assert requests.due(10.5) == []
    assert requests.next_timeout() == 11.5


def test_a_key_frame_meets_the_delayed_request_too() -> None:
    requests = KeyFrameRequests(min_interval_s=0.5, retry_s=1.0)
    requests.request(1, 10.0)
    requests.received(1)
    requests.request(1, 10.1)
    requests.received(1)
    assert requests.next_timeout() is None
    assert requests.due(11.0) == []


def test_a_request_long_after_goes_out_at_once() -> None:
    requests = KeyFrameRequests(min_interval_s=0.5, retry_s=1.0)
    requests.request(1, 10.0)
    requests.received(1)
    assert requests.request(1, 10.5)


def test_asked_again_until_the_key_frame_comes() -> None:
    requests = KeyFrameRequests(min_interval_s=0.5, retry_s=1.0)
    requests.request(1, 10.0)
    for now in (11.0, 12.0, 13.0):
        assert requests.next_timeout() == now
        assert requests.due(now - 0.01) == []
        assert requests.due(now) == [1]
    requests.received(1)
    assert requests.due(99.0) == []


def test_streams_are_independent() -> None:
    requests = KeyFrameRequests(min_interval_s=0.5, retry_s=1.0)
    assert requests.request(1, 10.0)
    assert requests.request(2, 10.2)
    assert requests.next_timeout() == 11.0
    requests.received(1)
    assert requests.next_timeout() == 11.2
    assert requests.due(12.0) == [2]


def test_a_forgotten_stream_asks_no_more() -> None:
    requests = KeyFrameRequests()
    requests.request(1, 10.0)
    requests.forget(1)
    requests.forget(2)
    requests.received(1)
    assert requests.due(99.0) == []
    assert requests.request(1, 10.1)


@pytest.mark.parametrize(("rtt_s", "retry_s"), [(0.0, MIN_RETRY_S), (0.1, 0.45), (0.4, 0.9), (5.0, RETRY_S)])
def test_a_request_is_repeated_as_soon_as_the_round_trip_allows(rtt_s: float, retry_s: float) -> None:
    requests = KeyFrameRequests()
    requests.request(1, 1.0)
    requests.expect_round_trip(rtt_s)
    assert requests.next_timeout() == pytest.approx(1.0 + retry_s)
    assert requests.due(1.0 + retry_s + 0.001) == [1]

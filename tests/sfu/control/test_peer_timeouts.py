from hypothesis import given
from hypothesis import strategies as st

from sfu.control.peer_timeouts import CONSENT_TIMEOUT_S, FixedDelayQueue, PeerTimeouts


def test_a_peer_without_transport_is_idle_after_the_idle_timeout() -> None:
    timeouts = PeerTimeouts[str](30.0, 3600.0)
    timeouts.joined("anna", 100.0)
    assert timeouts.next_timeout() == 3700.0
    assert timeouts.handle_timeout(3699.9) == []
    assert timeouts.handle_timeout(3700.0) == [("anna", "idle")]
    assert timeouts.next_timeout() is None


def test_a_connected_peer_has_no_deadline() -> None:
    timeouts = PeerTimeouts[str](30.0, 3600.0)
    timeouts.joined("anna", 0.0)
    timeouts.connected("anna")
    assert timeouts.next_timeout() is None
    assert timeouts.handle_timeout(1e9) == []


def test_the_consent_timeout_is_part_of_the_peer_timeout() -> None:
    timeouts = PeerTimeouts[str](90.0, 3600.0)
    assert timeouts.consent_timeout_s == CONSENT_TIMEOUT_S
    timeouts.disconnected("anna", 1000.0)
    assert timeouts.next_timeout() == 1060.0
    assert timeouts.handle_timeout(1060.0) == [("anna", "timeout")]


def test_a_timeout_no_longer_than_consent_removes_at_once() -> None:
    timeouts = PeerTimeouts[str](5.0, 3600.0)
    assert timeouts.consent_timeout_s == 5.0
    timeouts.disconnected("anna", 1000.0)
    assert timeouts.handle_timeout(1000.0) == [("anna", "timeout")]


def test_a_peer_whose_transports_were_closed_gets_the_whole_timeout() -> None:
    timeouts = PeerTimeouts[str](30.0, 3600.0)
    timeouts.closed_transports("anna", 1000.0)
    assert timeouts.next_timeout() == 1030.0


def test_coming_back_in_time_saves_the_peer() -> None:
    timeouts = PeerTimeouts[str](90.0, 3600.0)
    timeouts.disconnected("anna", 0.0)
    timeouts.connected("anna")
    assert timeouts.handle_timeout(1000.0) == []


def test_a_peer_that_left_is_forgotten() -> None:
    timeouts = PeerTimeouts[str](30.0, 3600.0)
    timeouts.joined("anna", 0.0)
    timeouts.closed_transports("bela", 0.0)
    timeouts.left("anna")
    timeouts.left("bela")
    assert timeouts.next_timeout() is None


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0, 10)), max_size=50), st.floats(0, 20))
def test_a_queue_gives_each_key_once_and_never_early(steps: list[tuple[int, float]], delay_s: float) -> None:
    queue = FixedDelayQueue[int](delay_s)
    now = 0.0
    due: dict[int, float] = {}
    for key, pause_s in steps:
        now += pause_s
        expected = {name for name, when in due.items() if when <= now}
        assert set(queue.pop_due(now)) == expected
        due = {name: when for name, when in due.items() if name not in expected}
        queue.add(key, now)
        due[key] = now + delay_s
        assert queue.next_due() == min(due.values())
        assert len(queue) == len(due)

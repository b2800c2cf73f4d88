from collections import Counter

import structlog

from sfu.net.faults import LOG_INTERVAL_S, Faults


def test_faults_are_counted_and_logged_at_most_once_an_interval() -> None:
    drops: Counter[str] = Counter()
    now = 100.0
    faults = Faults(drops, lambda: now)

    def trip() -> None:
        try:
            raise KeyError("a bug")
        except KeyError:
            faults.note("packet_fault")

    with structlog.testing.capture_logs() as logs:
        for _ in range(5):
            trip()
        now += LOG_INTERVAL_S
        trip()
    assert drops == {"packet_fault": 6}
    assert [entry["not_logged_before"] for entry in logs] == [0, 4]
    assert all(entry["exc_info"] for entry in logs)

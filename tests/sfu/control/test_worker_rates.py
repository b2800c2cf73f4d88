from sfu.control.worker_rates import Rates, WorkerRates


def totals(cpu_s: float, received: int, sent: int) -> dict[str, float]:
    return {"cpuSeconds": cpu_s, "packetsReceived": received, "packetsSent": sent}


def test_rates_are_of_the_time_between_two_looks() -> None:
    rates = WorkerRates()
    rates.note(100.0, totals(7.0, 1000, 5000))
    assert rates.latest == Rates(), "one look tells nothing"
    rates.note(105.0, totals(9.0, 1500, 7000))
    assert rates.latest == Rates(cpu_share=0.4, packets_per_s=500.0)
    rates.note(107.0, totals(9.0, 1500, 7000))
    assert rates.latest == Rates()


def test_looks_close_together_count_as_one() -> None:
    rates = WorkerRates()
    rates.note(100.0, totals(0.0, 0, 0))
    rates.note(102.0, totals(1.0, 100, 100))
    rates.note(102.5, totals(1.5, 200, 200))
    assert rates.latest == Rates(0.5, 100.0)
    rates.note(104.0, totals(2.0, 200, 200))
    assert rates.latest == Rates(0.5, 100.0), "since the last look that counted"

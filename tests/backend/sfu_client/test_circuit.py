"""The circuit breaker."""

from backend.sfu_client.circuit import FAILURES_TO_OPEN, OPEN_S, Circuit


def failed_circuit(now: float = 100.0) -> Circuit:
    circuit = Circuit()
    for _ in range(FAILURES_TO_OPEN):
        assert circuit.lets_pass(now)
        circuit.failed(now)
    return circuit


def test_failures_in_a_row_open_it() -> None:
    circuit = failed_circuit()
    assert not circuit.lets_pass(100.0)
    assert not circuit.lets_pass(100.0 + OPEN_S - 0.01)


def test_after_a_pause_one_may_try() -> None:
    circuit = failed_circuit()
    assert circuit.lets_pass(100.0 + OPEN_S)
    assert not circuit.lets_pass(100.0 + OPEN_S)
    assert circuit.lets_pass(100.0 + 2 * OPEN_S)


def test_a_success_closes_it() -> None:
    circuit = failed_circuit()
    assert circuit.lets_pass(100.0 + OPEN_S)
    circuit.succeeded()
    assert all(circuit.lets_pass(100.0 + OPEN_S) for _ in range(10))


def test_failures_with_successes_between_do_not_open_it() -> None:
    circuit = Circuit()
    for now in range(20):
        circuit.failed(now)
        circuit.succeeded()
    assert circuit.lets_pass(20)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.rtp.seq_manager import MAX_HISTORY, SeqManager
from tests.support.rtp_packets import BOUNDARIES


def input_of(manager: SeqManager, output: int) -> int | None:
    located = manager.locate(output)
    return located[1] if located else None


@pytest.mark.parametrize("start", BOUNDARIES)
@pytest.mark.parametrize("initial", BOUNDARIES)
def test_counts_on_from_the_initial_output(start: int, initial: int) -> None:
    manager = SeqManager(initial_output=initial)
    manager.sync(start)
    assert [manager.map(seq) for seq in range(start, start + 300)] == list(range(initial, initial + 300))
    assert manager.highest_output == initial + 299


def test_nothing_is_mapped_before_the_first_sync() -> None:
    manager = SeqManager()
    manager.drop(4)
    assert manager.map(5) is None
    assert input_of(manager, 1) is None
    assert manager.batch_offset(5, 6) is None
    assert manager.highest_output == 0


def test_what_lies_before_the_sync_is_not_mapped() -> None:
    manager = SeqManager()
    manager.sync(100)
    assert manager.map(99) is None
    assert manager.map(100) == 1


def test_reordering_and_gaps_keep_their_distance() -> None:
    manager = SeqManager()
    manager.sync(100)
    assert [manager.map(seq) for seq in (100, 103, 102, 106)] == [1, 4, 3, 7]


@pytest.mark.parametrize("start", BOUNDARIES)
def test_numbers_after_a_dropped_packet_close_the_gap(start: int) -> None:
    manager = SeqManager()
    manager.sync(start)
    assert manager.map(start) == 1
    manager.drop(start + 1)
    manager.drop(start + 2)
    assert manager.map(start + 3) == 2
    assert manager.map(start + 1) is None
    assert manager.map(start + 2) is None
    assert manager.map(start + 4) == 3


def test_a_late_packet_from_before_a_drop_keeps_its_own_number() -> None:
    manager = SeqManager()
    manager.sync(1)
    assert [manager.map(1), manager.map(2)] == [1, 2]
    manager.drop(5)
    assert manager.map(6) == 5
    assert manager.map(4) == 4
    assert manager.map(3) == 3
    assert manager.map(5) is None


def test_a_drop_that_comes_too_late_leaves_the_gap() -> None:
    manager = SeqManager()
    manager.sync(1)
    assert manager.map(1) == 1
    assert manager.map(3) == 3
    manager.drop(2)
    assert manager.map(4) == 4


def test_drops_at_the_very_start() -> None:
    manager = SeqManager()
    manager.sync(10)
    manager.drop(10)
    manager.drop(11)
    assert manager.map(11) is None
    assert manager.map(12) == 1
    assert input_of(manager, 1) == 12


def test_a_switch_to_another_stream_goes_on_without_a_gap() -> None:
    manager = SeqManager()
    manager.sync(50_000, source=7)
    assert [manager.map(seq) for seq in (50_000, 50_001)] == [1, 2]
    manager.sync(300, source=8)
    assert manager.map(299) is None
    assert [manager.map(seq) for seq in (300, 302, 301)] == [3, 5, 4]
    assert manager.locate(2) == (7, 50_001)
    assert manager.locate(3) == (8, 300)
    assert manager.locate(6) is None
    assert input_of(manager, 0) is None


def test_a_sync_without_any_packet_since_the_last_one() -> None:
    manager = SeqManager()
    manager.sync(10)
    manager.map(10)
    manager.sync(500)
    manager.drop(502)
    manager.sync(20)
    assert manager.map(20) == 2
    assert input_of(manager, 2) == 20
    assert input_of(manager, 1) == 10


def test_a_gap_is_left_to_what_is_still_missing_before_a_switch() -> None:
    manager = SeqManager()
    manager.sync(100, source=1)
    assert manager.map(100) == 1
    manager.sync(500, source=2, gap=2)
    assert manager.map(500) == 4
    assert manager.locate(2) == (1, 101)
    assert manager.locate(3) == (1, 102)
    assert manager.locate(4) == (2, 500)


def test_positions_are_the_outputs_that_packets_have_or_would_have() -> None:
    manager = SeqManager(initial_output=50)
    manager.sync(10)
    manager.drop(10)
    manager.drop(13)
    manager.drop(14)
    assert [manager.position(seq) for seq in range(9, 18)] == [50, 50, 50, 51, 52, 52, 52, 53, 54]
    assert [manager.map(seq) for seq in (11, 12, 15, 16)] == [50, 51, 52, 53]


def test_a_batch_is_mapped_by_one_addition() -> None:
    manager = SeqManager()
    manager.sync(100)
    assert manager.batch_offset(99, 105) is None
    assert manager.batch_offset(100, 105) == -99
    assert manager.highest_output == 6
    assert manager.batch_offset(103, 104) == -99
    assert manager.highest_output == 6
    manager.drop(106)
    assert manager.batch_offset(104, 108) is None
    assert manager.batch_offset(107, 108) == -100


def test_history_is_bounded_and_reaches_back_over_many_drops() -> None:
    manager = SeqManager()
    manager.sync(0, source=1)
    sent = {}
    for seq in range(0, 20_000, 2):
        output = manager.map(seq)
        assert output is not None
        sent[output] = seq
        manager.drop(seq + 1)
    assert len(manager._history) <= 2 * MAX_HISTORY
    recent = list(sent.items())[-MAX_HISTORY + 1 :]
    assert all(input_of(manager, output) == seq for output, seq in recent)
    assert input_of(manager, 1) is None
    assert manager.map(2) is None


class Model:
    """What SeqManager is to do, said with sets: each drop that came in time takes one from all higher numbers."""

    def __init__(self, initial_output: int) -> None:
        self.used: dict[int, tuple[int, int]] = {}
        self.next_output = initial_output
        self.first_input: int | None = None

    def sync(self, first_input: int, source: int) -> None:
        self.first_input, self.first_output, self.source = first_input, self.next_output, source
        self.dropped: set[int] = set()
        self.highest = first_input - 1

    def drop(self, seq: int) -> None:
        if self.first_input is not None and seq > self.highest and seq > max(self.dropped, default=seq - 1):
            self.dropped.add(seq)

    def map(self, seq: int) -> int | None:
        if self.first_input is None or seq < self.first_input or seq in self.dropped:
            return None
        output = self.first_output + seq - self.first_input - sum(number < seq for number in self.dropped)
        self.highest = max(self.highest, seq)
        self.next_output = max(self.next_output, output + 1)
        self.used[output] = self.source, seq
        return output


steps = st.lists(
    st.tuples(
        st.sampled_from(["map", "map", "map", "drop", "sync"]), st.integers(-12, 12), st.integers(0, 1 << 17)
    ),
    max_size=100,
)


@given(steps, st.sampled_from(BOUNDARIES), st.sampled_from(BOUNDARIES))
def test_behaves_like_the_model(events: list[tuple[str, int, int]], start: int, initial: int) -> None:
    manager, model = SeqManager(initial), Model(initial)
    position = start + 65536
    mapped: set[tuple[int, int]] = set()
    outputs: set[int] = set()
    for number, (action, step, elsewhere) in enumerate(events):
        if action == "sync":
            position = elsewhere
            manager.sync(position, number)
            model.sync(position, number)
            epoch = number
            continue
        seq = max(0, position + step)
        position = max(position, seq)
        if action == "drop":
            manager.drop(seq)
            model.drop(seq)
            continue
        output = manager.map(seq)
        assert output == model.map(seq)
        if output is not None and (epoch, seq) not in mapped:
            assert output not in outputs
            outputs.add(output)
            mapped.add((epoch, seq))
    for output, located in model.used.items():
        assert manager.locate(output) == located
    assert manager.highest_output == model.next_output - 1

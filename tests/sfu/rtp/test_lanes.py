from typing import Any

from sfu.rtp.lanes import Lane, Lanes
from sfu.rtp.mapped_batch import MappedBatch, MappedPacket, StreamNumbers

NUMBERS = StreamNumbers(1, 0, 0, bytes(5), 0)


def lane(first: int = 0, tag_length: int = 16, numbers: StreamNumbers = NUMBERS) -> Lane:
    nobody: Any = None
    return Lane(nobody, None, [], numbers, tag_length, first)


def batch(first: int, count: int, timestamp: int = 0) -> MappedBatch:
    head = bytes((0x90, 100)) + bytes(12) + bytes(2)
    packets = [
        MappedPacket(head, first + n, timestamp + n, payload_size=10, is_key_frame=False) for n in range(count)
    ]
    return MappedBatch(packets, is_video=True)


def test_lanes_are_grouped_by_what_is_equal_for_them() -> None:
    lanes, same, other = Lanes(), [lane(), lane()], lane(tag_length=10)
    shifted = lane(numbers=NUMBERS._replace(sequence_offset=1))
    for each in (*same, other, shifted):
        lanes.add(each)
    assert list(lanes.groups.values()) == [same, [other], [shifted]]
    for each in (*same, shifted):
        lanes.remove(each)
    assert list(lanes.groups.values()) == [[other]]


def test_what_went_out_before_a_lane_came_is_not_its_own() -> None:
    lanes, first, second = Lanes(), lane(), lane()
    lanes.add(first)
    lanes.sent(batch(5, 3, 100), 1.0)
    lanes.add(second)
    lanes.sent(batch(8, 2, 200), 2.0)
    assert (lanes.packets - first.packets, lanes.octets - first.octets) == (5, 50)
    assert (lanes.packets - second.packets, lanes.octets - second.octets) == (2, 20)
    assert (lanes.highest, lanes.timestamp, lanes.sent_at) == (9, 201, 2.0)
    lanes.sent(batch(2, 1, 50), 3.0)
    assert lanes.highest == 9


def test_packets_from_before_some_began_are_too_late_for_those_alone() -> None:
    lanes, early, late = Lanes(), lane(first=10), lane(first=20)
    for each in (early, late):
        lanes.add(each)
    assert lanes.too_late_for(20) == []
    assert lanes.too_late_for(15) == [late]
    assert lanes.too_late_for(9) == [early, late]
    for each in (early, late):
        lanes.remove(each)
    lanes.add(early)
    assert lanes.too_late_for(10) == []

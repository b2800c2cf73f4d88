import pytest

from sfu.net.candidates import LocalAddresses

ANNOUNCED = ["192.0.2.1", "2001:db8::1", "198.51.100.1"]


@pytest.mark.parametrize(
    ("address", "ours", "theirs"),
    [
        (("203.0.113.9", 7), "192.0.2.1", "203.0.113.9"),
        (("2001:db8::9", 7, 0, 0), "2001:db8::1", "2001:db8::9"),
        (("::ffff:203.0.113.9", 7, 0, 0), "192.0.2.1", "203.0.113.9"),
    ],
)
def test_a_way_is_told_in_the_peers_own_family(
    address: tuple[str, int] | tuple[str, int, int, int], ours: str, theirs: str
) -> None:
    way = LocalAddresses(ANNOUNCED, 40000, None).tuple_of(address)
    assert (way.local_address, way.local_port) == (ours, 40000)
    assert (way.remote_ip, way.remote_port, way.protocol) == (theirs, 7, "udp")


def test_a_family_that_is_not_announced_gets_the_first_address() -> None:
    assert LocalAddresses(["192.0.2.1"], 1, None).tuple_of(("2001:db8::9", 7, 0, 0)).local_address == "192.0.2.1"
    assert LocalAddresses([], 1, None).tuple_of(("192.0.2.1", 7)).local_address == ""


def test_priorities_are_those_of_host_candidates() -> None:
    udp, tcp = LocalAddresses(["192.0.2.1"], 1, 2).candidates
    assert udp.priority == 126 << 24 | 65535 << 8 | 255
    assert tcp.priority == 90 << 24 | (4 << 13 | 8191) << 8 | 255
    assert (udp.port, tcp.port) == (1, 2)

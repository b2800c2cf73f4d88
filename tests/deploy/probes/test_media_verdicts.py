"""Verdicts for views and addresses that a test machine does not have: from elsewhere, of private networks."""

from ipaddress import ip_address

import pytest

from deploy.probes.host_addresses import host_addresses, is_private
from deploy.probes.media import _view
from deploy.probes.media_verdicts import View, judge
from deploy.probes.reach import Outcome, Reach, Target

FROM_ELSEWHERE = View(is_local=False, must_be_public=False, better="its API answers at 203.0.113.5")
ON_THE_MACHINE = View(is_local=True, must_be_public=False, better="this machine has 203.0.113.5")


def reaches(host: str, udp: Outcome, tcp: Outcome | None = None) -> list[Reach]:
    found = [Reach(Target(host, 40000, "udp"), udp)]
    return found if tcp is None else [*found, Reach(Target(host, 40000, "tcp"), tcp)]


def test_loopback_looked_at_from_elsewhere_is_wrong_whatever_answers() -> None:
    for outcome in (Outcome.ANSWERS, Outcome.REFUSED, Outcome.STRANGER):
        verdict = judge("127.0.0.1", reaches("127.0.0.1", outcome), FROM_ELSEWHERE)
        assert not verdict.ok
        assert verdict.text == (
            "RTC_ANNOUNCED_IP is 127.0.0.1: only browsers on the SFU's own machine reach it; "
            "set it to the address that browsers reach this SFU by (its API answers at 203.0.113.5)"
        )


def test_a_private_address_that_answers_is_told_of() -> None:
    verdict = judge("172.18.0.3", reaches("172.18.0.3", Outcome.ANSWERS), ON_THE_MACHINE)
    assert verdict.ok
    assert "a private address: for browsers in its own network alone" in verdict.text


def test_a_private_address_is_wrong_for_the_internet() -> None:
    view = View(is_local=True, must_be_public=True, better="this machine has 203.0.113.5")
    verdict = judge("172.18.0.3", reaches("172.18.0.3", Outcome.ANSWERS), view)
    assert not verdict.ok
    assert verdict.text.startswith("RTC_ANNOUNCED_IP is 172.18.0.3, a private address: only its own network")
    assert verdict.text.endswith("(this machine has 203.0.113.5)")


def test_a_private_address_that_answers_nothing_is_the_first_suspect() -> None:
    verdict = judge("10.1.2.3", reaches("10.1.2.3", Outcome.SILENT, Outcome.SILENT), FROM_ELSEWHERE)
    assert not verdict.ok
    assert verdict.text.startswith("nothing answers at 10.1.2.3 UDP port 40000 and TCP port 40000, a private")
    assert "RTC_ANNOUNCED_IP is wrong" in verdict.text


def test_an_address_without_a_way_to_it() -> None:
    verdict = judge("2001:db8::7", reaches("2001:db8::7", Outcome.NO_ROUTE), FROM_ELSEWHERE)
    assert not verdict.ok
    assert "no way to the announced address 2001:db8::7" in verdict.text


def test_a_public_address_that_answers() -> None:
    view = View(is_local=False, must_be_public=True)
    verdict = judge("203.0.113.5", reaches("203.0.113.5", Outcome.ANSWERS, Outcome.ANSWERS), view)
    assert verdict.ok
    assert verdict.text == "203.0.113.5 answers by UDP port 40000 and TCP port 40000"


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_an_answer_is_good(outcome: Outcome) -> None:
    for view in (FROM_ELSEWHERE, ON_THE_MACHINE):
        assert judge("203.0.113.5", reaches("203.0.113.5", outcome), view).ok is (outcome is Outcome.ANSWERS)


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("10.0.0.1", True),
        ("172.31.255.255", True),
        ("172.32.0.1", False),
        ("192.168.1.1", True),
        ("100.64.0.1", True),
        ("203.0.113.5", False),
        ("fd00::1", True),
        ("2001:db8::1", False),
    ],
)
def test_private_networks(address: str, private: bool) -> None:
    assert is_private(ip_address(address)) is private


def test_from_where_the_control_api_is_asked() -> None:
    here, elsewhere = (
        _view(f"http://{host}:3000", must_be_public=False) for host in ("localhost", "198.51.100.7")
    )
    assert here.is_local
    assert not elsewhere.is_local
    assert elsewhere.better == "its API answers at 198.51.100.7"


def test_the_machines_own_addresses_hold_no_loopback() -> None:
    found = host_addresses()
    assert not [ip for ip in found if ip.is_loopback or ip.is_link_local]
    assert found == sorted(found, key=is_private)

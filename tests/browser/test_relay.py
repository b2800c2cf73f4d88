"""A class behind firewalls: a real Chromium that may use nothing but the relay, and coturn as it is deployed."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.classroom_page import Lesson, Visitor
from tests.support.services import Platform, running_platform
from tests.support.turn_server import TurnServer, running_turn_server

pytestmark = pytest.mark.browser

RELAY_ONLY = """
const Native = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Native {
  constructor(configuration, ...more) {
    const iceServers = configuration.iceServers.map((server) => {
      return { ...server, urls: server.urls.filter((url) => url.endsWith("transport=%s")) };
    });
    super({ ...configuration, iceServers, iceTransportPolicy: "relay" }, ...more);
  }
};
"""
"""Runs before the page's own script: a firewall that lets through what goes to the relay, by one protocol."""

PROTOCOLS = {"teacher": "udp", "student": "tcp"}


@pytest.fixture(scope="module")
def turn_server() -> Iterator[TurnServer]:
    with running_turn_server() as running:
        yield running


@pytest.fixture(scope="module")
def platform(bundle: None, turn_server: TurnServer) -> Iterator[Platform]:
    """Run both services, with the relay in the backend's settings."""
    urls = ",".join(turn_server.url(protocol) for protocol in ("udp", "tcp"))
    with running_platform({"TURN_URLS": urls, "TURN_SECRET": turn_server.secret}) as running:
        yield running


@pytest.fixture
def arrive(arrive: Callable[[str], Visitor]) -> Callable[[str], Visitor]:
    """Bring visitors whose connections have no other way than the relay."""

    def behind_a_firewall(name: str) -> Visitor:
        visitor = arrive(name)
        visitor.page.add_init_script(RELAY_ONLY % PROTOCOLS[name])
        visitor.page.reload()
        return visitor

    return behind_a_firewall


def test_a_class_by_relay_alone(lesson: Lesson) -> None:
    lesson.connect()
    for visitor in (lesson.teacher, lesson.student):
        ways: list[dict[str, Any]] = visitor.page.evaluate("() => testProbes.ways()")
        way = ("relay", PROTOCOLS[visitor.name])
        assert [(local["candidateType"], local["relayProtocol"]) for local in ways] == [way, way]
        assert visitor.console_errors == []

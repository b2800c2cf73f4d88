"""Data channels of two real browsers with an unmodified mediasoup-client, through the whole platform."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import PASSWORD, WEB
from tests.support.services import Platform

pytestmark = pytest.mark.browser

CLASSMATE = Path(__file__).parent / "data_classmate.js"
ROOM = "data-channels"


@pytest.fixture(scope="module")
def mediasoup_client(bundle: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the package as one script."""
    if not (WEB / "node_modules" / ".bin" / "rolldown").exists():
        subprocess.run(["npm", "ci"], cwd=WEB, check=True, capture_output=True)
    script = tmp_path_factory.mktemp("bundle") / "mediasoup-client.js"
    options = ["--format", "iife", "--name", "mediasoupClient", "--platform", "browser", "-o", str(script)]
    command = ["node_modules/.bin/rolldown", "node_modules/mediasoup-client/lib/index.js", *options]
    subprocess.run(command, cwd=WEB, check=True, capture_output=True)
    return script.read_text()


@pytest.fixture
def classmate(platform: Platform, browser: Browser, mediasoup_client: str, teacher_email: str) -> Any:
    """Return a function that opens a page and takes a seat in the room with it."""
    contexts = []

    def classmate() -> Page:
        context = browser.new_context(base_url=platform.backend.url)
        contexts.append(context)
        page = context.new_page()
        page.goto("/")
        page.evaluate(f"{mediasoup_client}; globalThis.mediasoupClient = mediasoupClient;")
        page.evaluate(CLASSMATE.read_text() + "; null")  # a function as the last value would be called
        seat = [teacher_email, PASSWORD, ROOM]
        page.evaluate("async (seat) => { globalThis.me = await dataClassmate(...seat); }", seat)
        return page

    yield classmate
    for context in contexts:
        context.close()


def hears(page: Page, producer_id: str, wanted: list[Any]) -> None:
    page.wait_for_function(
        "([id, wanted]) => JSON.stringify(me.heard(id).slice(-wanted.length)) === JSON.stringify(wanted)",
        arg=[producer_id, wanted],
    )


def open_channel(sender: Page, receiver: Page, **options: Any) -> tuple[str, Any]:
    """Open a channel and wait until what is said arrives: what is said before both ends are open is lost."""
    producer = sender.evaluate("options => me.produce(options)", options)
    consumer = receiver.evaluate("id => me.consume(id)", producer["id"])
    while not receiver.evaluate("id => me.heard(id).length", producer["id"]):
        sender.evaluate("id => me.send(id, 'are you there?')", producer["id"])
    return producer["id"], consumer["stream"]


def test_browsers_write_to_each_other(classmate: Callable[[], Page]) -> None:
    ann, bob = classmate(), classmate()
    chat, stream = open_channel(ann, bob, label="chat", protocol="text")
    assert stream == {"streamId": 0, "ordered": True}
    for text in ("one", "", "é" * 10_000):
        ann.evaluate("([id, text]) => me.send(id, text)", [chat, text])
    for size in (1, 0, 100_000, 262_144):
        ann.evaluate("([id, size]) => me.sendBytes(id, size)", [chat, size])
    hears(bob, chat, ["one", "", "é" * 10_000, 1, 0, 100_000, 262_144])

    back, stream = open_channel(bob, ann, label="cursor", ordered=False, maxRetransmits=2)
    assert stream == {"streamId": 0, "ordered": False, "maxRetransmits": 2}
    for number in range(200):
        bob.evaluate("([id, text]) => me.send(id, text)", [back, f"{number}"])
    ann.wait_for_function("id => me.heard(id).includes('199')", arg=back)

    (stats,) = ann.evaluate("id => me.statsOf(id)", chat)["stats"]
    assert (stats["label"], stats["protocol"]) == ("chat", "text")
    assert stats["messagesReceived"] >= 8


def test_closing_either_end_closes_the_channel(classmate: Callable[[], Page]) -> None:
    ann, bob = classmate(), classmate()
    first, stream = open_channel(ann, bob, label="first")
    bob.evaluate("id => me.closeConsumer(id)", first)
    bob.wait_for_function("id => me.stateOf(id) === 'closed'", arg=first)
    second, next_stream = open_channel(ann, bob, label="second")
    assert next_stream["streamId"] != stream["streamId"]
    ann.evaluate("id => me.closeProducer(id)", second)
    told = "id => me.notifications.some(n => n.method === 'data-consumer-closed' && n.data.dataProducerId === id)"
    bob.wait_for_function(told, arg=second)
    bob.wait_for_function("id => me.stateOf(id) === 'closed'", arg=second)
    third, _ = open_channel(ann, bob, label="third")
    ann.evaluate("id => me.send(id, 'still here')", third)
    hears(bob, third, ["still here"])

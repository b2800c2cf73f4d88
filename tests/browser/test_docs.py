"""The documents of the API, as people read them in a browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.classroom_page import Visitor

pytestmark = pytest.mark.browser


def test_the_api_page_shows_the_operations_and_tries_one(arrive: Callable[[str], Visitor]) -> None:
    reader = arrive("reader")
    hosts: set[str] = set()
    reader.page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    answer = reader.page.goto("/docs")
    assert answer is not None
    assert answer.status == 200
    policy = answer.headers["content-security-policy"]
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    assert "unsafe-eval" not in policy
    operation = reader.page.locator("#operations-auth-login")
    expect(operation).to_contain_text("/api/v1/auth/login")
    operation.get_by_role("button").first.click()
    expect(operation).to_contain_text("INVALID_CREDENTIALS")
    health = reader.page.locator("#operations-service-live")
    health.get_by_role("button").first.click()
    health.get_by_role("button", name="Try it out").click()
    health.get_by_role("button", name="Execute").click()
    expect(health.locator(".live-responses-table .response").first).to_contain_text('"status": "ok"')
    assert reader.console_errors == []
    assert hosts == {answer.url.split("/")[2]}


def test_the_signalling_page_shows_the_methods(arrive: Callable[[str], Visitor]) -> None:
    reader = arrive("reader")
    answer = reader.page.goto("/docs/signalling")
    assert answer is not None
    assert "script-src" not in answer.headers["content-security-policy"]
    expect(reader.page.get_by_role("heading", name="join-room", exact=True)).to_be_visible()
    reader.page.get_by_role("link", name="Participant", exact=True).first.click()
    expect(reader.page.locator("#participant")).to_be_in_viewport()
    assert reader.page.locator("body").evaluate("body => getComputedStyle(body).maxWidth") == "960px"
    assert reader.console_errors == []

"""What keeps an account its owner's: the list of sessions, and the second factor."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.account_page import form_of, open_account
from tests.support.authenticator import totp
from tests.support.browser import PASSWORD
from tests.support.classroom_page import Visitor

pytestmark = pytest.mark.browser

STEP_S = 30
"""A code of an authenticator app holds so long; the next one is taken early."""


def code_of(secret: str, steps_ahead: int = 0) -> str:
    """Return what an authenticator app shows now, or shows next."""
    return totp(secret, int(time.time() // STEP_S) + steps_ahead)


def test_a_session_elsewhere_is_seen_and_ended(arrive: Callable[[str], Visitor]) -> None:
    here, there = arrive("here"), arrive("there")
    here.sign_up("Radia Perlman", "radia@school.example", PASSWORD)
    here.expect_classes()
    there.sign_in("radia@school.example", PASSWORD)
    there.expect_classes()
    open_account(here)
    sessions = here.page.get_by_role("list", name="Sessions").get_by_role("listitem")
    expect(sessions).to_have_count(2)
    expect(sessions.filter(has_text="This one")).to_have_count(1)
    sessions.get_by_role("button", name="End the session").click()
    expect(sessions).to_have_count(1)
    expect(there.page.get_by_text("Your session has ended. Please sign in again.")).to_be_visible()
    expect(here.page.get_by_role("heading", name="Your account")).to_be_visible()


def test_a_second_factor_is_set_up_asked_for_and_turned_off(arrive: Callable[[str], Visitor]) -> None:
    visitor = arrive("visitor")
    visitor.sign_up("Annie Easley", "annie@school.example", PASSWORD)
    visitor.expect_classes()
    open_account(visitor)
    form_of(visitor, "Set up a second factor").get_by_label("Your password").fill(PASSWORD)
    visitor.click("Set it up")
    expect(visitor.page.get_by_role("img", name="QR code")).to_be_visible()
    secret = visitor.page.get_by_role("textbox", name="Key for your authenticator app").input_value()
    visitor.page.get_by_label("Code that the app shows").fill(code_of(secret))
    visitor.click("Turn on")
    codes = visitor.page.get_by_role("list", name="Backup codes").get_by_role("listitem")
    expect(codes).to_have_count(10)
    backup_code = codes.first.inner_text()
    visitor.click("I have kept them")
    expect(visitor.page.get_by_text("10 backup codes left")).to_be_visible()
    visitor.click("Sign out")

    step = form_of(visitor, "Second step")
    visitor.sign_in("annie@school.example", PASSWORD)
    step.get_by_label("Code").fill("000000")
    step.get_by_role("button", name="Continue").click()
    expect(step.get_by_role("alert")).to_be_visible()
    step.get_by_label("Code").fill(code_of(secret, steps_ahead=1))
    step.get_by_role("button", name="Continue").click()
    visitor.expect_classes()
    visitor.click("Sign out")
    visitor.sign_in("annie@school.example", PASSWORD)
    step.get_by_label("Code").fill(backup_code)
    step.get_by_role("button", name="Continue").click()
    visitor.expect_classes()

    open_account(visitor)
    expect(visitor.page.get_by_text("9 backup codes left")).to_be_visible()
    visitor.click("Turn off")
    form = form_of(visitor, "Turn the second factor off")
    form.get_by_label("Your password").fill(PASSWORD)
    form.get_by_label("Code from your app").fill(backup_code)
    visitor.click("Turn it off")
    expect(form.get_by_role("alert")).to_be_visible()
    assert visitor.violations() == []

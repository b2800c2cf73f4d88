"""One's own account: name and password, and one session in several tabs."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Request, expect

from tests.support.account_page import form_of, open_account
from tests.support.browser import PASSWORD
from tests.support.classroom_page import Visitor

pytestmark = pytest.mark.browser

NEW_PASSWORD = "Sponge-and-Water-4"


def test_name_and_password_are_changed_and_count_at_once(arrive: Callable[[str], Visitor]) -> None:
    visitor = arrive("visitor")
    visitor.sign_up("Hedy Kiesler", "hedy@school.example", PASSWORD)
    visitor.expect_classes()
    open_account(visitor)
    form_of(visitor, "About you").get_by_label("Full name").fill("Hedy Lamarr")
    form_of(visitor, "About you").get_by_label("Phone").fill("+43 1 234")
    visitor.click("Save")
    expect(visitor.page.get_by_role("banner").get_by_text("Hedy Lamarr")).to_be_visible()
    form = form_of(visitor, "Change password")
    for current, answer in (
        ("Wrong-Password-1", form.get_by_role("alert")),
        (PASSWORD, form.get_by_role("status")),
    ):
        form.get_by_label("Current password").fill(current)
        form.get_by_label("New password").fill(NEW_PASSWORD)
        form.get_by_role("button").click()
        expect(answer).to_contain_text("password")
    visitor.page.reload()
    expect(form_of(visitor, "About you").get_by_label("Phone")).to_have_value("+43 1 234")
    visitor.click("Sign out")
    visitor.sign_in("hedy@school.example", NEW_PASSWORD)
    visitor.expect_classes()


def test_two_tabs_of_one_session_never_take_each_others_tokens_away(arrive: Callable[[str], Visitor]) -> None:
    visitor = arrive("visitor")
    visitor.sign_up("Jean Bartik", "jean@school.example", PASSWORD)
    visitor.expect_classes()
    renewals: list[Request] = []
    visitor.context.on("request", lambda one: renewals.append(one) if one.url.endswith("/auth/refresh") else None)
    with visitor.context.expect_page() as opened:
        # A tab that a page opens gets a copy of its storage, as a duplicated one does.
        visitor.page.evaluate("() => void window.open(location.href)")
    tabs = (visitor.page, opened.value)
    for tab in tabs:
        expect(tab.get_by_role("heading", name="Classes", exact=True)).to_be_visible()
    assert renewals == []
    for _ in range(3):
        for tab in tabs:
            tab.evaluate("() => void setTimeout(() => location.reload())")
        for tab in tabs:
            tab.wait_for_load_state()
            expect(tab.get_by_role("heading", name="Classes", exact=True)).to_be_visible()
    tabs[1].get_by_role("button", name="Sign out").click()
    expect(tabs[0].get_by_role("form", name="Sign in")).to_be_visible()

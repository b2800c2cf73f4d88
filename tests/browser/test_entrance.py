"""The ways into a class: its password, an invitation."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.class_panels import people_of
from tests.support.classroom_page import Visitor

pytestmark = pytest.mark.browser

Bring = Callable[[str], Visitor]


def set_rules(teacher: Visitor, name: str, *, password: str | None = None) -> None:
    """Create a class with rules of its own, from the list of classes. The page then stands at its door."""
    teacher.click("New class with rules")
    form = teacher.page.get_by_role("form", name="New class with its rules")
    form.get_by_label("Name").fill(name)
    if password is not None:
        form.get_by_label("Password").fill(password)
    form.get_by_role("button", name="Create class").click()
    expect(teacher.page.get_by_role("heading", name=name)).to_be_visible()


def test_a_password_is_asked_for_until_it_is_right_and_an_invitation_stands_in_for_it(
    teacher: Visitor, bring: Bring
) -> None:
    set_rules(teacher, "Secret lesson", password="chalk-dust")
    teacher.enter()
    guesser = bring("guesser")
    guesser.page.get_by_role("link", name="Secret lesson").click()
    guesser.click("Join class")
    form = guesser.page.get_by_role("form", name="Password of the class")
    form.get_by_label("Password").fill("cheese")
    form.get_by_role("button", name="Enter class").click()
    expect(guesser.page.get_by_role("alert")).to_contain_text("not the password")
    form.get_by_label("Password").fill("chalk-dust")
    form.get_by_role("button", name="Enter class").click()
    expect(guesser.page.locator("[data-phase=joined]")).to_be_visible()
    panel = people_of(teacher)
    panel.get_by_role("button", name="Make an invitation link").click()
    address = panel.get_by_role("textbox", name="Invitation link").input_value()
    assert "?invitation=" in address
    guest = bring("guest")
    guest.page.goto(address)
    guest.enter()
    teacher.expect_count(3)

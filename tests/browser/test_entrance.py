"""The ways into a class: its waiting room, its password, an invitation, one seat a person."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.browser import PASSWORD
from tests.support.class_panels import people_of
from tests.support.classroom_page import Visitor

pytestmark = pytest.mark.browser

Bring = Callable[[str], Visitor]


def set_rules(teacher: Visitor, name: str, *, password: str | None = None, switch: str | None = None) -> None:
    """Create a class with rules of its own, from the list of classes. The page then stands at its door."""
    teacher.click("New class with rules")
    form = teacher.page.get_by_role("form", name="New class with its rules")
    form.get_by_label("Name").fill(name)
    if password is not None:
        form.get_by_label("Password").fill(password)
    if switch is not None:
        form.get_by_label(switch).check()
    form.get_by_role("button", name="Create class").click()
    expect(teacher.page.get_by_role("heading", name=name)).to_be_visible()


def test_a_waiting_room_holds_students_until_somebody_decides(teacher: Visitor, bring: Bring) -> None:
    set_rules(teacher, "Guarded", switch="Waiting room")
    teacher.enter()
    first, second = bring("first"), bring("second")
    for visitor in (first, second):
        visitor.page.get_by_role("link", name="Guarded").click()
        visitor.click("Join class")
        expect(visitor.page.get_by_role("heading", name="Waiting to be let in")).to_be_visible()
    expect(teacher.page.get_by_text("2 people wait to be let in.")).to_be_visible()
    panel = people_of(teacher)
    panel.get_by_role("button", name="Let First in").click()
    expect(first.page.locator("[data-phase=joined]")).to_be_visible()
    first.expect_to_see(teacher.own_id())
    panel.get_by_role("button", name="Turn Second away").click()
    expect(second.page.get_by_role("heading", name="You were not let in")).to_be_visible()
    teacher.expect_count(2)


def test_who_waits_is_told_of_when_the_teacher_comes_later(teacher: Visitor, bring: Bring) -> None:
    set_rules(teacher, "Early birds", switch="Waiting room")
    early = bring("early")
    early.page.get_by_role("link", name="Early birds").click()
    early.click("Join class")
    expect(early.page.get_by_role("heading", name="Waiting to be let in")).to_be_visible()
    teacher.enter()
    people_of(teacher).get_by_role("button", name="Let Early in").click()
    expect(early.page.locator("[data-phase=joined]")).to_be_visible()


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


def test_a_second_window_takes_over_where_there_is_one_seat_a_person(teacher: Visitor, arrive: Bring) -> None:
    set_rules(teacher, "One at a time", switch="One seat a person")
    teacher.enter()
    first, second = arrive("first window"), arrive("second window")
    first.sign_up("Ida Rhodes", "ida@school.example", PASSWORD)
    first.page.get_by_role("link", name="One at a time").click()
    first.enter()
    second.sign_in("ida@school.example", PASSWORD)
    second.page.get_by_role("link", name="One at a time").click()
    second.enter()
    expect(first.page.locator("[data-ending=replaced]")).to_be_visible()
    teacher.expect_count(2)

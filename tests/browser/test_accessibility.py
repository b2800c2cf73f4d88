"""Every view of the page is fit for those who hear it, or see it on a small or dark screen."""

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.support.accessibility import faults_of
from tests.support.class_panels import chat_of, people_of, write
from tests.support.classroom_page import Lesson, Visitor
from tests.support.services import ADMIN_EMAIL, ADMIN_PASSWORD

pytestmark = pytest.mark.browser

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}


def judge(visitor: Visitor) -> None:
    """Let the view be judged on both screens and in both schemes; nothing may be wider than the screen."""
    for screen in (DESKTOP, PHONE):
        visitor.page.set_viewport_size(screen)
        for scheme in SCHEMES:
            visitor.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert faults_of(visitor.page) == []
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), screen
    visitor.page.set_viewport_size(DESKTOP)


def test_signing_in_and_up(arrive: Callable[[str], Visitor]) -> None:
    visitor = arrive("visitor")
    judge(visitor)
    visitor.click("Create an account")
    judge(visitor)


def test_the_classes_and_the_account(teacher: Visitor) -> None:
    teacher.create_class("Readable")
    judge(teacher)
    teacher.page.goto("/#/")
    teacher.click("Rules of Readable")
    judge(teacher)
    teacher.page.keyboard.press("Escape")
    teacher.page.goto("/#/account")
    expect(teacher.page.get_by_role("heading", name="Your account")).to_be_visible()
    judge(teacher)


def test_the_administration(arrive: Callable[[str], Visitor]) -> None:
    admin = arrive("admin")
    admin.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)
    admin.expect_classes()
    admin.page.get_by_role("link", name="Users").click()
    expect(admin.page.get_by_role("row").nth(1)).to_be_visible()
    judge(admin)
    admin.page.get_by_role("button", name="Change").first.click()
    judge(admin)
    admin.page.keyboard.press("Escape")
    admin.page.get_by_role("link", name="Audit log").click()
    expect(admin.page.get_by_role("row").nth(1)).to_be_visible()
    judge(admin)


def test_the_class_with_its_panels(lesson: Lesson) -> None:
    lesson.student.click("Raise hand")
    write(lesson.student, "See https://school.example")
    expect(lesson.teacher.tile(lesson.student_id)).to_have_attribute("data-hand", "up")
    judge(lesson.teacher)
    chat_of(lesson.teacher)
    judge(lesson.teacher)
    people_of(lesson.teacher)
    judge(lesson.teacher)
    lesson.student.click("Leave class")
    judge(lesson.student)

"""Coming in: making an account, signing in, staying signed in, and what is said when it fails."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.classroom_page import Visitor

pytestmark = pytest.mark.browser

PASSWORD = "Chalk-and-Board-3"
STRICT_POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}


def test_a_student_signs_up_and_stays_signed_in_over_a_reload(arrive: Callable[[str], Visitor]) -> None:
    student = arrive("student")
    student.sign_up("Grace Hopper", "grace@school.example", PASSWORD)
    student.expect_classes()
    expect(student.page.get_by_role("form", name="New class")).to_have_count(0)
    student.page.reload()
    expect(student.page.get_by_text("Grace Hopper")).to_be_visible()
    assert student.console_errors == []


def test_a_wrong_password_is_told_and_the_right_one_works(arrive: Callable[[str], Visitor]) -> None:
    student = arrive("student")
    student.sign_up("Alan Turing", "alan@school.example", PASSWORD)
    student.click("Sign out")
    student.sign_in("alan@school.example", "Wrong-Password-1")
    expect(student.page.get_by_role("alert")).to_contain_text("password")
    student.sign_in("alan@school.example", PASSWORD)
    student.expect_classes()


def test_a_weak_password_and_a_taken_email_are_told(arrive: Callable[[str], Visitor]) -> None:
    student = arrive("student")
    student.sign_up("Mary Jackson", "mary@school.example", "short")
    expect(student.page.get_by_role("alert")).to_be_visible()
    student.page.reload()
    student.sign_up("Mary Jackson", "mary@school.example", PASSWORD)
    student.expect_classes()
    second = arrive("second")
    second.sign_up("Another Mary", "MARY@school.example", PASSWORD)
    expect(second.page.get_by_role("alert")).to_be_visible()


def test_two_windows_of_one_profile_are_two_people(arrive: Callable[[str], Visitor], teacher_email: str) -> None:
    student = arrive("student")
    student.sign_up("Joan Clarke", "joan@school.example", PASSWORD)
    expect(student.page.get_by_text("Joan Clarke")).to_be_visible()
    other_window = student.context.new_page()
    other_window.goto("/")
    expect(other_window.get_by_role("form", name="Sign in")).to_be_visible()


def test_a_class_that_is_not_there_is_told(arrive: Callable[[str], Visitor]) -> None:
    student = arrive("student")
    student.sign_up("Katherine Johnson", "katherine@school.example", PASSWORD)
    student.expect_classes()
    student.page.goto("/#/class/00000000-0000-4000-8000-000000000000")
    expect(student.page.get_by_role("alert")).to_be_visible()
    student.page.get_by_role("link", name="See all classes").click()
    student.expect_classes()


def test_the_page_is_served_under_a_strict_policy(arrive: Callable[[str], Visitor]) -> None:
    visitor = arrive("visitor")
    answer = visitor.page.goto("/")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert {directive.strip() for directive in policy.split(";")} >= STRICT_POLICY
    assert "unsafe" not in policy

"""The administration: accounts, and the log of what was done."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.browser import PASSWORD
from tests.support.classroom_page import Visitor
from tests.support.services import ADMIN_EMAIL, ADMIN_PASSWORD

pytestmark = pytest.mark.browser

EMAIL = "edsger@school.example"


@pytest.fixture
def admin(arrive: Callable[[str], Visitor]) -> Visitor:
    """An admin who looks at the users."""
    visitor = arrive("admin")
    visitor.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)
    visitor.expect_classes()
    visitor.page.get_by_role("link", name="Users").click()
    return visitor


def test_an_account_is_made_given_a_role_put_aside_and_deleted(
    admin: Visitor, arrive: Callable[[str], Visitor]
) -> None:
    admin.click("New user")
    form = admin.page.get_by_role("form", name="New user")
    form.get_by_label("Full name").fill("Edsger Dijkstra")
    form.get_by_label("Email").fill(EMAIL)
    form.get_by_label("First password").fill(PASSWORD)
    form.get_by_role("button", name="Create user").click()
    row = admin.page.locator(f'[data-user="{EMAIL}"]')
    expect(row).to_contain_text("student")
    teacher = arrive("teacher")
    teacher.sign_in(EMAIL, PASSWORD)
    teacher.expect_classes()

    admin.page.get_by_label("Search by name or email").fill("dijkstra")
    expect(admin.page.get_by_role("row")).to_have_count(2)
    row.get_by_role("button").click()
    dialog = admin.page.get_by_role("dialog")
    dialog.get_by_label("Role").select_option("teacher")
    expect(dialog.get_by_role("status")).to_contain_text("changed")
    expect(row).to_contain_text("teacher")
    teacher.page.reload()
    expect(teacher.page.get_by_role("form", name="New class")).to_be_visible()
    dialog.get_by_role("button", name="Deactivate account").click()
    expect(row).to_contain_text("Deactivated")
    expect(teacher.page.get_by_role("form", name="Sign in")).to_be_visible()
    dialog.get_by_role("button", name="Delete account").click()
    admin.page.get_by_role("dialog").get_by_role("button", name="Delete account").click()
    expect(admin.page.get_by_text("Nobody fits that.")).to_be_visible()

    admin.page.get_by_role("link", name="Audit log").click()
    deleted = admin.page.locator("[data-action=user-deleted]")
    expect(deleted.first).to_contain_text(ADMIN_EMAIL)
    admin.page.get_by_label("What").select_option("role-changed")
    expect(deleted).to_have_count(0)
    expect(admin.page.locator("[data-action=role-changed]")).not_to_have_count(0)


def test_the_last_admin_stays_and_is_told_why(admin: Visitor) -> None:
    admin.page.get_by_label("Role").select_option("admin")
    expect(admin.page.get_by_role("row")).to_have_count(2)
    admin.page.locator(f'[data-user="{ADMIN_EMAIL}"]').get_by_role("button").click()
    dialog = admin.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Deactivate account").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    expect(dialog.get_by_role("button", name="Deactivate account")).to_be_visible()


def test_students_find_no_administration(arrive: Callable[[str], Visitor]) -> None:
    student = arrive("student")
    student.sign_up("Barbara Liskov", "barbara@school.example", PASSWORD)
    student.expect_classes()
    expect(student.page.get_by_role("link", name="Users")).to_have_count(0)
    student.page.goto("/#/users")
    student.expect_classes()

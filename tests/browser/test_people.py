"""Who is in a class and who runs it: hands, muting, sending out, locking, listening only."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.class_panels import mark_on, people_of
from tests.support.classroom_page import Lesson, Visitor

pytestmark = pytest.mark.browser


def test_hands_go_up_in_order_and_come_down_from_both_sides(lesson: Lesson) -> None:
    second = lesson.bring("second")
    second.page.goto(f"/#/class/{lesson.room_id}")
    second_id = second.enter()
    second.click("Raise hand")
    expect(lesson.teacher.tile(second_id)).to_have_attribute("data-hand", "up")
    lesson.student.click("Raise hand")
    expect(mark_on(lesson.teacher, "People")).to_have_attribute("data-mark", "2")
    hands = people_of(lesson.teacher).locator("[data-hand-of]")
    expect(hands).to_have_count(2)
    expect(hands.first).to_have_attribute("data-hand-of", second_id)
    lesson.teacher.click("Lower the hand of Second")
    expect(second.page.get_by_role("button", name="Raise hand")).to_be_visible()
    expect(hands).to_have_count(1)
    lesson.student.click("Lower hand")
    expect(hands).to_have_count(0)
    expect(lesson.teacher.tile(lesson.student_id)).to_have_attribute("data-hand", "down")


def test_who_is_muted_is_told_and_may_speak_again(lesson: Lesson) -> None:
    lesson.connect()
    people_of(lesson.teacher).get_by_role("button", name="Mute Student").click()
    expect(lesson.student.page.get_by_role("status")).to_contain_text("The teacher muted you")
    expect(lesson.teacher.tile(lesson.student_id)).to_have_attribute("data-muted", "true")
    expect(people_of(lesson.student).get_by_role("button", name="Mute")).to_have_count(0)
    lesson.student.click("Unmute microphone")
    lesson.teacher.expect_to_hear(lesson.student_id)


def test_a_lock_keeps_students_out_and_who_is_removed_is_told(lesson: Lesson) -> None:
    panel = people_of(lesson.teacher)
    panel.get_by_label("Lock the class").check()
    expect(lesson.student.page.locator("[data-locked]")).to_be_visible()
    late = lesson.bring("latecomer")
    late.page.goto(f"/#/class/{lesson.room_id}")
    late.click("Join class")
    expect(late.page.locator("[data-ending=refused]")).to_be_visible()
    panel.get_by_role("button", name="Remove Student from the class").click()
    lesson.teacher.page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(lesson.student.page.get_by_role("heading", name="You were removed from the class")).to_be_visible()
    lesson.teacher.expect_count(1)


def test_students_who_may_not_publish_listen_and_the_close_ends_it_for_all(lesson: Lesson) -> None:
    lesson.connect()
    people_of(lesson.teacher).get_by_label("Students may speak and be seen").uncheck()
    expect(lesson.student.page.get_by_role("status")).to_contain_text("only the teacher speaks")
    expect(lesson.teacher.tile(lesson.student_id)).to_have_attribute("data-camera", "off")
    expect(lesson.student.page.locator("[data-device=camera]")).to_be_disabled()
    lesson.student.expect_to_see(lesson.teacher_id)
    lesson.teacher.click("Close class for all")
    lesson.teacher.click("Close for everybody")
    for visitor in (lesson.teacher, lesson.student):
        expect(visitor.page.locator("[data-ending=closed]")).to_be_visible()


def test_who_was_there_is_listed_and_downloaded_by_who_runs_the_class(
    lesson: Lesson, bring: Callable[[str], Visitor]
) -> None:
    panel = people_of(lesson.teacher)
    with lesson.teacher.page.expect_download() as download:
        panel.get_by_role("button", name="Attendance (CSV)").click()
    assert download.value.suggested_filename.endswith(".csv")
    table = download.value.path().read_text(encoding="utf-8-sig")
    assert "Ada Lovelace" in table
    assert "Student" in table
    expect(people_of(lesson.student).get_by_role("button", name="Attendance (CSV)")).to_have_count(0)
    lesson.teacher.click("Leave class")
    lesson.teacher.page.get_by_role("link", name="All classes").last.click()
    lesson.teacher.page.get_by_role("button", name="Attendance of who was there").click()
    rows = lesson.teacher.page.get_by_role("dialog").get_by_role("row")
    expect(rows.filter(has_text="Ada Lovelace")).not_to_contain_text("there now")
    expect(rows.filter(has_text="Student")).to_contain_text("there now")

"""A class as its people live it: seeing, hearing, muting, coming late, leaving, and coming back after trouble."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.support.classroom_page import MEDIA_WITHIN_MS, Lesson, Visitor
from tests.support.services import Platform

pytestmark = pytest.mark.browser

REFUSE_DEVICES = """
navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("not here", "NotAllowedError"));
"""


def test_both_sides_see_and_hear_each_other_without_an_error(lesson: Lesson) -> None:
    lesson.connect()
    lesson.teacher.expect_count(2)
    lesson.student.expect_count(2)
    expect(lesson.student.tile(lesson.teacher_id)).to_contain_text("Ada Lovelace")
    expect(lesson.student.tile(lesson.student_id).locator("audio")).to_have_count(0)
    lesson.student.click("Leave class")
    lesson.teacher.expect_count(1)
    lesson.teacher.click("Leave class")
    for visitor in (lesson.teacher, lesson.student):
        expect(visitor.page.get_by_role("heading", name="You left the class")).to_be_visible()
        assert visitor.captured() == []
        assert visitor.console_errors == []
        assert visitor.violations() == []


def test_muting_and_unmuting_are_seen_and_heard_by_the_other(lesson: Lesson) -> None:
    lesson.connect()
    lesson.student.click("Mute microphone")
    expect(lesson.teacher.tile(lesson.student_id)).to_have_attribute("data-muted", "true")
    expect(lesson.teacher.tile(lesson.student_id)).to_have_attribute("data-camera", "on")
    lesson.student.click("Unmute microphone")
    lesson.teacher.expect_to_hear(lesson.student_id)


def test_a_camera_that_goes_off_gives_its_device_back_and_comes_on_again(lesson: Lesson) -> None:
    lesson.connect()
    lesson.student.click("Turn camera off")
    expect(lesson.teacher.tile(lesson.student_id)).to_have_attribute("data-camera", "off")
    expect(lesson.teacher.tile(lesson.student_id).locator("video")).to_have_count(0)
    assert lesson.student.captured() == ["microphone"]
    lesson.teacher.expect_to_hear(lesson.student_id)
    lesson.student.click("Turn camera on")
    lesson.teacher.expect_to_see(lesson.student_id)


def test_who_comes_late_sees_and_hears_everybody(lesson: Lesson) -> None:
    lesson.connect()
    late = lesson.bring("latecomer")
    late.page.goto(f"/#/class/{lesson.room_id}")
    late_id = late.enter()
    for other in (lesson.teacher_id, lesson.student_id):
        late.expect_to_see(other)
        late.expect_to_hear(other)
    for visitor in (lesson.teacher, lesson.student):
        visitor.expect_count(3)
        visitor.expect_to_see(late_id)
    late.click("Leave class")
    lesson.teacher.expect_count(2)
    expect(lesson.teacher.tile(late_id)).to_have_count(0)


def test_who_closes_the_window_leaves_at_once(lesson: Lesson) -> None:
    lesson.student.page.goto("about:blank")
    expect(lesson.teacher.tile(lesson.student_id)).to_have_count(0)


def test_without_camera_and_microphone_one_still_takes_part(
    teacher: Visitor, bring: Callable[[str], Visitor]
) -> None:
    teacher.create_class("Listening")
    teacher_id = teacher.enter()
    listener = bring("listener")
    listener.context.add_init_script(REFUSE_DEVICES)
    listener.page.reload()
    listener.page.get_by_role("link", name="Listening").click()
    expect(listener.page.get_by_text("The browser may not use your camera.")).to_be_visible()
    listener_id = listener.enter()
    listener.expect_to_see(teacher_id)
    listener.expect_to_hear(teacher_id)
    expect(teacher.tile(listener_id)).to_have_attribute("data-muted", "true")
    expect(teacher.tile(listener_id)).to_have_attribute("data-camera", "off")


def test_a_dropped_connection_comes_back_to_its_seat_while_media_flows(lesson: Lesson) -> None:
    lesson.student.make_droppable()
    lesson = replace(lesson, student_id=lesson.student.enter())
    lesson.connect()
    lesson.student.drop_socket()
    lesson.student.expect_phases("joined", "reconnecting", "joined")
    assert lesson.student.own_id() == lesson.student_id
    lesson.teacher.expect_count(2)
    lesson.connect()
    lesson.student.click("Mute microphone")
    expect(lesson.teacher.tile(lesson.student_id)).to_have_attribute("data-muted", "true")


@pytest.mark.timeout(180)
def test_a_restart_of_the_media_server_is_survived(lesson: Lesson, platform: Platform) -> None:
    lesson.connect()
    platform.sfu.stop()
    expect(lesson.student.page.get_by_role("status")).to_contain_text("media server", timeout=MEDIA_WITHIN_MS)
    platform.sfu.start()
    lesson.connect()
    expect(lesson.student.page.get_by_role("status")).to_be_empty(timeout=MEDIA_WITHIN_MS)

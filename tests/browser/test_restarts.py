"""Services that go away in mid-class: pictures go on, seats stay, and what was changed meanwhile is made good."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import expect

from tests.support.class_panels import chat_of, write
from tests.support.classroom_page import MEDIA_WITHIN_MS, Lesson, Visitor
from tests.support.services import Platform

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def both(lesson: Lesson) -> tuple[Visitor, Visitor]:
    """Return the teacher and the student."""
    return lesson.teacher, lesson.student


def connections(lesson: Lesson) -> set[str]:
    """Return what names the media connections of both; one that was made or negotiated anew has another name."""
    return {
        name for visitor in both(lesson) for name in visitor.page.evaluate("() => testProbes.iceCredentials()")
    }


def test_a_stop_of_the_backend_costs_no_picture_and_no_seat(lesson: Lesson, platform: Platform) -> None:
    live_through(lesson, platform, platform.backend.stop, "The server is restarting.")


def test_a_crash_of_the_backend_costs_no_picture_and_no_seat(lesson: Lesson, platform: Platform) -> None:
    live_through(lesson, platform, platform.backend.kill, "The connection was lost.")


def live_through(lesson: Lesson, platform: Platform, end_backend: Callable[[], object], said: str) -> None:
    """Have a class while the backend ends, of which `said` is told, and comes back."""
    lesson.connect()
    write(lesson.student, "Before.")
    lesson.student.click("Raise hand")
    before = connections(lesson)
    end_backend()
    for visitor in both(lesson):
        expect(visitor.page.locator("[data-phase=reconnecting]")).to_be_visible(timeout=MEDIA_WITHIN_MS)
        expect(visitor.page.get_by_role("status")).to_contain_text(said)
    lesson.connect()
    lesson.student.click("Mute microphone")
    platform.backend.start()
    for visitor in both(lesson):
        visitor.expect_phases("joined", "reconnecting", "joined")
    assert lesson.teacher.own_id() == lesson.teacher_id
    assert lesson.student.own_id() == lesson.student_id
    expect(lesson.teacher.tile(lesson.student_id)).to_have_attribute("data-muted", "true")
    expect(lesson.teacher.tile(lesson.student_id)).to_have_attribute("data-hand", "up")
    lesson.student.click("Unmute microphone")
    lesson.connect()
    assert connections(lesson) == before
    write(lesson.teacher, "After.")
    messages = chat_of(lesson.student).locator("[data-message-id]")
    expect(messages).to_have_count(2)
    expect(messages.last).to_contain_text("After.")


def test_who_was_muted_while_away_stays_muted(lesson: Lesson) -> None:
    lesson.student.make_droppable()
    lesson = replace(lesson, student_id=lesson.student.enter())
    lesson.connect()
    lesson.student.page.context.set_offline(True)
    lesson.student.drop_socket()
    expect(lesson.student.page.locator("[data-phase=reconnecting]")).to_be_visible()
    lesson.teacher.click("People")
    lesson.teacher.click("Mute Student")
    expect(lesson.teacher.tile(lesson.student_id)).to_have_attribute("data-muted", "true")
    lesson.student.page.context.set_offline(False)
    expect(lesson.student.page.locator("[data-phase=joined]")).to_be_visible(timeout=MEDIA_WITHIN_MS)
    expect(lesson.student.page.get_by_role("status")).to_contain_text("The teacher muted you")
    expect(lesson.teacher.tile(lesson.student_id)).to_have_attribute("data-muted", "true")


def test_a_restart_of_the_media_server_is_mended_by_the_page(lesson: Lesson, platform: Platform) -> None:
    lesson.connect()
    before = connections(lesson)
    platform.sfu.kill()
    for visitor in both(lesson):
        expect(visitor.page.get_by_role("status")).to_contain_text("media server", timeout=MEDIA_WITHIN_MS)
    write(lesson.student, "I cannot see you.")
    expect(chat_of(lesson.teacher).get_by_text("I cannot see you.")).to_be_visible()
    platform.sfu.start()
    lesson.connect()
    assert lesson.teacher.own_id() == lesson.teacher_id
    assert connections(lesson).isdisjoint(before)
    for visitor in both(lesson):
        expect(visitor.page.get_by_role("status")).to_be_empty(timeout=MEDIA_WITHIN_MS)

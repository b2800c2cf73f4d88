"""What is written in a class: it reaches everybody, stays for whoever comes later, and is never more than text."""

import pytest
from playwright.sync_api import expect

from tests.support.class_panels import chat_of, mark_on, write
from tests.support.classroom_page import Lesson

pytestmark = pytest.mark.browser

PAGE_LENGTH = 50
"""Messages that the history gives at once."""


def test_what_is_written_reaches_everybody_and_whoever_comes_later(lesson: Lesson) -> None:
    write(lesson.student, "Is it <b>this</b> one: https://school.example/page?x=1.")
    expect(mark_on(lesson.teacher, "Chat")).to_have_attribute("data-mark", "1")
    seen = chat_of(lesson.teacher).get_by_role("listitem").filter(has_text="<b>this</b>")
    expect(seen).to_contain_text("Student")
    expect(seen.locator("b")).to_have_count(0)
    expect(seen.get_by_role("link")).to_have_attribute("href", "https://school.example/page?x=1")
    expect(seen.get_by_role("link")).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(mark_on(lesson.teacher, "Chat")).to_have_attribute("data-mark", "0")
    write(lesson.teacher, "Yes, it is.")
    expect(chat_of(lesson.student).get_by_text("Yes, it is.")).to_be_visible()
    late = lesson.bring("latecomer")
    late.page.goto(f"/#/class/{lesson.room_id}")
    late.enter()
    expect(chat_of(late).locator("[data-message-id]")).to_have_count(2)
    expect(mark_on(late, "Chat")).to_have_attribute("data-mark", "0")


def test_a_long_talk_is_read_back_page_by_page_and_a_reload_loses_none_of_it(lesson: Lesson) -> None:
    # Each of them alone would be slowed down for writing so much.
    for number in range(PAGE_LENGTH + 5):
        write(lesson.student if number % 2 else lesson.teacher, f"word {number}")
    lesson.teacher.page.reload()
    lesson.teacher.enter()
    messages = chat_of(lesson.teacher).locator("[data-message-id]")
    expect(messages).to_have_count(PAGE_LENGTH)
    lesson.teacher.click("Show earlier messages")
    expect(messages).to_have_count(PAGE_LENGTH + 5)
    expect(messages.first).to_contain_text("word 0")
    expect(messages.last).to_contain_text(f"word {PAGE_LENGTH + 4}")

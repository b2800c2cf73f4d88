"""Pictures in the size they are needed in, from one page to the other; and a change of network under a class."""

import pytest
from playwright.sync_api import ViewportSize

from tests.support.classroom_page import Lesson

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

LARGE: ViewportSize = {"width": 1280, "height": 720}
SMALL: ViewportSize = {"width": 420, "height": 620}
"""Two tiles of some 610 and 370 pixels in width, for a camera of 640 by 360 that is sent in 320 by 180, too."""


def test_a_tile_gets_the_size_it_shows_and_nothing_more_is_sent(lesson: Lesson) -> None:
    lesson.connect()
    lesson.student.expect_height(lesson.teacher_id, 360)
    lesson.teacher.expect_sending("r0", "r1")
    lesson.student.page.set_viewport_size(SMALL)
    lesson.student.expect_height(lesson.teacher_id, 180)
    assert lesson.student.page.evaluate("() => document.documentElement.scrollWidth") == SMALL["width"]
    lesson.teacher.expect_sending("r0")
    lesson.student.page.set_viewport_size(LARGE)
    lesson.student.expect_height(lesson.teacher_id, 360)
    lesson.connect()


def test_a_hidden_tab_receives_no_pictures_and_has_them_back_at_once(lesson: Lesson) -> None:
    lesson.connect()
    lesson.student.look_away(True)
    lesson.student.expect_standstill(lesson.teacher_id)
    lesson.student.expect_to_hear(lesson.teacher_id)
    lesson.teacher.expect_sending("r0")
    lesson.student.look_away(False)
    lesson.connect()
    lesson.student.expect_height(lesson.teacher_id, 360)


def test_a_changed_network_is_followed_while_media_flows(lesson: Lesson) -> None:
    lesson.connect()
    lesson.student.change_network()
    lesson.connect()
    lesson.student.expect_phases("joined")

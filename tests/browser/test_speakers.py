"""The tile of who speaks has a frame, in everybody's page."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Playwright, expect

from tests.support.browser import CHROMIUM_FLAGS
from tests.support.classroom_page import MEDIA_WITHIN_MS, Visitor
from tests.support.spoken_audio import write_speech

pytestmark = pytest.mark.browser

PASSWORD = "Chalk-and-Board-6"


@pytest.fixture(scope="module")
def browser(
    playwright: Playwright, chromium_path: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """One Chromium whose microphones all speak."""
    recording: Path = tmp_path_factory.mktemp("audio") / "speech.wav"
    write_speech(recording, 20)
    flags = [*CHROMIUM_FLAGS, f"--use-file-for-fake-audio-capture={recording}"]
    browser = playwright.chromium.launch(executable_path=chromium_path, args=flags)
    yield browser
    browser.close()


def expect_speaking(tile: Locator, *, speaking: bool) -> None:
    expect(tile).to_have_attribute("data-speaking", str(speaking).lower(), timeout=MEDIA_WITHIN_MS)


def test_the_speakers_tile_has_a_frame(teacher: Visitor, arrive: Callable[[str], Visitor]) -> None:
    teacher.create_class("Rhetoric")
    teacher_id = teacher.enter()
    student = arrive("student")
    student.sign_up("Student", "student.speaks@school.example", PASSWORD)
    student.expect_classes()
    student.page.get_by_role("link", name="Rhetoric").click()
    student_id = student.enter()
    student.click("Mute microphone")
    for visitor in (teacher, student):
        expect_speaking(visitor.tile(teacher_id), speaking=True)
        expect_speaking(visitor.tile(student_id), speaking=False)
    frame = teacher.tile(teacher_id).evaluate("tile => getComputedStyle(tile, '::after').boxShadow")
    assert "3px" in frame
    teacher.click("Mute microphone")
    student.click("Unmute microphone")
    for visitor in (teacher, student):
        expect_speaking(visitor.tile(student_id), speaking=True)
        expect_speaking(visitor.tile(teacher_id), speaking=False)

"""A real browser against both real services."""

from tests.support.browser import (
    arrive,
    bring,
    browser,
    bundle,
    chromium_path,
    lesson,
    platform,
    playwright,
    pytest_runtest_makereport,
    teacher,
    teacher_email,
)

__all__ = [
    "arrive",
    "bring",
    "browser",
    "bundle",
    "chromium_path",
    "lesson",
    "platform",
    "playwright",
    "pytest_runtest_makereport",
    "teacher",
    "teacher_email",
]

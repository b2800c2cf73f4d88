"""Fixtures of tests with a real browser against both real services; a conftest imports those that it offers."""

import shutil
import subprocess
from collections.abc import Callable, Generator, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright

from tests.support.classroom_page import MEDIA_WITHIN_MS, Lesson, Visitor
from tests.support.services import ADMIN_EMAIL, ADMIN_PASSWORD, REPOSITORY, Platform, running_platform

ARTIFACTS = REPOSITORY / "tests" / "browser" / "artifacts"
PROBES = REPOSITORY / "tests" / "browser" / "probes.js"
WEB = REPOSITORY / "backend" / "web"
PASSWORD = "Chalk-and-Board-2"

CHROMIUM_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

REPORTS = pytest.StashKey[list[pytest.TestReport]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a test's reports where its fixtures find them when they end."""
    report = yield
    item.stash.setdefault(REPORTS, []).append(report)
    return report


@pytest.fixture(scope="module")
def chromium_path() -> str:
    """Path of a Chromium; without one these tests cannot say anything."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("NO CHROMIUM: the page is not tested. Install it with: apt-get install chromium")
    return path


@pytest.fixture(scope="module")
def bundle(chromium_path: str) -> None:
    """Build the page when it is not built."""
    if (WEB / "dist" / "index.html").is_file():
        return
    for command in (["npm", "ci"], ["npm", "run", "build"]):
        subprocess.run(command, cwd=WEB, check=True, capture_output=True)


@pytest.fixture(scope="module")
def platform(bundle: None) -> Iterator[Platform]:
    """Both services, running."""
    with running_platform() as running:
        yield running


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver, for one module: while it runs, no test may start an event loop of its own."""
    expect.set_options(timeout=15_000)
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium_path: str) -> Iterator[Browser]:
    """One Chromium with a fake camera and microphone; each visitor has a profile of their own in it."""
    browser = playwright.chromium.launch(executable_path=chromium_path, args=list(CHROMIUM_FLAGS))
    yield browser
    browser.close()


@pytest.fixture
def arrive(
    platform: Platform, browser: Browser, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Visitor]]:
    """Return a function that brings one more visitor, by name, to the page. Failures leave pictures behind."""
    visitors: list[Visitor] = []

    def arrive(name: str) -> Visitor:
        context: BrowserContext = browser.new_context(base_url=platform.backend.url)
        context.set_default_timeout(MEDIA_WITHIN_MS)
        visitor = Visitor.arrive(name, context, PROBES)
        visitors.append(visitor)
        visitor.page.goto("/")
        return visitor

    yield arrive
    reports = request.node.stash.get(REPORTS, [])
    if any(report.failed for report in reports):
        _keep_evidence(request.node.name, visitors, platform)
    for visitor in visitors:
        visitor.context.close()


@pytest.fixture
def teacher(arrive: Callable[[str], Visitor], teacher_email: str) -> Visitor:
    """Return a teacher who has signed in and sees the list of classes."""
    visitor = arrive("teacher")
    visitor.sign_in(teacher_email, PASSWORD)
    visitor.expect_classes()
    return visitor


@pytest.fixture(scope="module")
def teacher_email(platform: Platform, playwright: Playwright) -> str:
    """Email of a teacher's account, made by the administrator."""
    email = "ada@school.example"
    api = playwright.request.new_context(base_url=platform.backend.url)
    login = api.post("/api/v1/auth/login", data={"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD})
    headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
    account = {"email": email, "password": PASSWORD, "full_name": "Ada Lovelace", "role": "teacher"}
    made = api.post("/api/v1/auth/register", data=account, headers=headers)
    if made.status != 201:
        raise AssertionError(f"no teacher's account: {made.status} {made.text()}")
    api.dispose()
    return email


@pytest.fixture
def bring(arrive: Callable[[str], Visitor], request: pytest.FixtureRequest) -> Callable[[str], Visitor]:
    """Return a function that signs a new student up and leaves them at the list of classes."""
    label = request.node.name.replace("_", "-").removeprefix("test-")[:40].rstrip("-")

    def bring(name: str) -> Visitor:
        visitor = arrive(name)
        visitor.sign_up(name.title(), f"{name}.{label}@school.example", PASSWORD)
        visitor.expect_classes()
        return visitor

    return bring


@pytest.fixture
def lesson(teacher: Visitor, bring: Callable[[str], Visitor], request: pytest.FixtureRequest) -> Lesson:
    """Two people in a class, by two independent sign-ins."""
    name = request.node.name.removeprefix("test_").replace("_", " ")
    room_id = teacher.create_class(name)
    teacher_id = teacher.enter()
    student = bring("student")
    student.page.get_by_role("link", name=name).click()
    student_id = student.enter()
    return Lesson(room_id, teacher, teacher_id, student, student_id, bring)


def _keep_evidence(test: str, visitors: list[Visitor], platform: Platform) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    for visitor in visitors:
        visitor.page.screenshot(path=ARTIFACTS / f"{test}-{visitor.name}.png")
        (ARTIFACTS / f"{test}-{visitor.name}.txt").write_text("\n".join(visitor.console_errors))
    (ARTIFACTS / f"{test}-services.log").write_text(platform.logs())

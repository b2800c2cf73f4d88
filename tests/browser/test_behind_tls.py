"""A class over https, as people have it: Chromium, Caddy as it is deployed, both services."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright

from tests.support.browser import CHROMIUM_FLAGS, PASSWORD, PROBES
from tests.support.classroom_page import MEDIA_WITHIN_MS, Visitor
from tests.support.services import ADMIN_EMAIL, ADMIN_PASSWORD, Platform
from tests.support.tls_proxy import TlsProxy, running_tls_proxy

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def proxy(platform: Platform) -> Iterator[TlsProxy]:
    with running_tls_proxy(platform.backend.url.removeprefix("http://")) as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium_path: str, proxy: TlsProxy) -> Iterator[Browser]:
    """Run a Chromium that trusts what this proxy's authority has signed, and no other unknown authority."""
    trust = f"--ignore-certificate-errors-spki-list={proxy.key_pin}"
    browser = playwright.chromium.launch(executable_path=chromium_path, args=[*CHROMIUM_FLAGS, trust])
    yield browser
    browser.close()


def arrive(name: str, browser: Browser, proxy: TlsProxy) -> Visitor:
    context = browser.new_context(base_url=proxy.url)
    context.set_default_timeout(MEDIA_WITHIN_MS)
    visitor = Visitor.arrive(name, context, PROBES)
    visitor.page.goto("/")
    return visitor


def test_a_class_over_https_outlives_a_reload_of_the_proxy(browser: Browser, proxy: TlsProxy) -> None:
    teacher = arrive("teacher", browser, proxy)
    assert teacher.page.evaluate("() => isSecureContext && location.protocol") == "https:"
    teacher.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)
    teacher.expect_classes()
    teacher.create_class("Behind TLS")
    teacher_id = teacher.enter()
    student = arrive("student", browser, proxy)
    student.sign_up("Student", "student.behind-tls@school.example", PASSWORD)
    student.page.get_by_role("link", name="Behind TLS").click()
    student_id = student.enter()
    teacher.expect_to_see(student_id)
    student.expect_to_hear(teacher_id)
    done = proxy.caddy("reload", "--force", "--address", proxy.env["CADDY_ADMIN"])
    assert done.returncode == 0, done.stderr
    for visitor in (teacher, student):
        visitor.expect_phases("joined", "reconnecting", "joined")
        visitor.expect_count(2)
    teacher.expect_to_see(student_id)
    for visitor in (teacher, student):
        assert visitor.violations() == []
        visitor.context.close()

"""The code of the client guide, as it stands there: a page in Chromium, and a Python program."""

import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.support.browser import CHROMIUM_FLAGS, WEB
from tests.support.secret_watch import WATCH
from tests.support.services import ADMIN_EMAIL, ADMIN_PASSWORD, REPOSITORY, Platform, fresh_data_dir

ROOM = "guide"
MEDIA_WITHIN_MS = 45_000
GUIDE = (REPOSITORY / "deploy" / "CLIENTS.md").read_text()
PLAYING = "[...document.querySelectorAll('video')].some((one) => one.currentTime > 1 && one.videoWidth > 0)"


def code(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base's name
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder as a web server of one's own; gives its origin."""
    handler = functools.partial(QuietHandler, directory=os.fspath(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def own_page(tmp_path: Path) -> Path:
    """A page of one's own, bundled as its author would."""
    join_class, page = code("js")
    (tmp_path / "join-class.js").write_text(join_class)
    (tmp_path / "page.js").write_text(page)
    (tmp_path / "index.html").write_text(
        '<!doctype html><div id="class"></div><script type="module" src="page.js"></script>'
    )
    (tmp_path / "node_modules").symlink_to(WEB / "node_modules")
    vite = WEB / "node_modules" / ".bin" / "vite"
    done = subprocess.run(
        [vite, "build", "--target", "es2022"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return tmp_path / "dist"


def opened(page: Page, origin: str, **fields: str) -> None:
    page.goto(f"{origin}/#{urllib.parse.urlencode(fields)}")


@pytest.mark.browser
def test_a_page_of_ones_own_with_mediasoup_client(own_page: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with served(own_page) as origin, fresh_data_dir() as data_dir:
        platform = Platform(data_dir, {"SFU_WORKERS": "1", "CORS_ORIGINS": origin})
        platform.start()
        try:
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=chromium, args=list(CHROMIUM_FLAGS))
                fields = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD, "roomId": ROOM}
                pages = [browser.new_context().new_page() for _ in range(2)]
                for page in pages:
                    opened(page, origin, server=platform.backend.url, **fields)
                for page in pages:
                    page.wait_for_function(PLAYING, timeout=MEDIA_WITHIN_MS)
                browser.close()
        finally:
            platform.stop()


@pytest.mark.interop
def test_a_python_program_with_pymediasoup(tmp_path: Path) -> None:
    [program] = code("python")
    (tmp_path / "join_class.py").write_text(program)
    with fresh_data_dir() as data_dir:
        platform = Platform(data_dir, {"SFU_WORKERS": "1"})
        platform.start()
        try:
            heard_by_each(platform, tmp_path)
        finally:
            platform.stop()


def heard_by_each(platform: Platform, folder: Path) -> None:
    """Run the program twice; each has to hear the other."""
    command = [sys.executable, "join_class.py", platform.backend.url, ADMIN_EMAIL, ROOM]
    env = {**os.environ, "VTP_PASSWORD": ADMIN_PASSWORD}
    logs = [folder / f"{number}.log" for number in range(2)]
    programs = []
    for log in logs:
        WATCH.log_file("guide", log)
        with log.open("wb") as output:
            programs.append(subprocess.Popen(command, cwd=folder, env=env, stdout=output, stderr=output))
    try:
        stop = threading.Event()
        for _ in range(MEDIA_WITHIN_MS // 100):
            if all(re.search(r"^\d+ frames of audio from ", log.read_text(), re.MULTILINE) for log in logs):
                return
            stop.wait(0.1)
        pytest.fail("\n".join(log.read_text() for log in logs))
    finally:
        for one in programs:
            one.kill()
            one.wait()

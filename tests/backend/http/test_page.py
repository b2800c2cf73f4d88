"""The page's files."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from backend.http.handlers import page
from tests.support.backend import Client, error_of, make_app, settings_for

OpenPage = Callable[[Path], Awaitable[Client]]


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    built = tmp_path / "dist"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<!doctype html><title>VTP</title>")
    (built / "icon.svg").write_text("<svg/>")
    (built / "assets" / "index-B4dHxK2q.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("not for you")
    (built / "assets" / "link-ABCDEFGH.txt").symlink_to(tmp_path / "secret.txt")
    return built


@pytest.fixture
async def open_page(aiohttp_client: AiohttpClient, database_url: str) -> OpenPage:
    async def open_with(directory: Path) -> Client:
        app = make_app(settings_for(database_url))
        app[page.DIST] = directory
        return await aiohttp_client(app)

    return open_with


async def test_the_page_has_a_strict_policy_and_is_asked_for_each_time(open_page: OpenPage, dist: Path) -> None:
    client = await open_page(dist)
    answer = await client.get("/")
    assert answer.status == 200
    assert answer.content_type == "text/html"
    assert answer.headers["Cache-Control"] == "no-cache"
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == f"'self' ws://127.0.0.1:{client.port} wss://127.0.0.1:{client.port}"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    unchanged = await client.get("/", headers={"If-None-Match": answer.headers["ETag"]})
    assert unchanged.status == 304


async def test_the_api_page_has_the_same_policy(open_page: OpenPage, dist: Path) -> None:
    (dist / "docs.html").write_text("<!doctype html><title>VTP API</title>")
    client = await open_page(dist)
    page_itself, documents = await client.get("/"), await client.get("/docs")
    assert (documents.status, documents.content_type) == (200, "text/html")
    for name in ("Content-Security-Policy", "Cache-Control"):
        assert documents.headers[name] == page_itself.headers[name]


async def test_a_strange_host_gets_into_no_policy(open_page: OpenPage, dist: Path) -> None:
    client = await open_page(dist)
    answer = await client.get("/", headers={"Host": "x; script-src *"})
    assert "script-src *" not in answer.headers["Content-Security-Policy"]


async def test_named_by_content_a_file_is_kept_for_ever(open_page: OpenPage, dist: Path) -> None:
    client = await open_page(dist)
    asset = await client.get("/assets/index-B4dHxK2q.js")
    assert asset.status == 200
    assert asset.content_type in {"text/javascript", "application/javascript"}
    assert "immutable" in asset.headers["Cache-Control"]
    assert (await client.get("/icon.svg")).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/nope.js",
        "/assets/../../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/link-ABCDEFGH.txt",
        "/assets/%00",
        "/assets/" + "x" * 5000,
        "/assets/",
        "/.env",
        "/secret.txt",
    ],
)
async def test_nothing_else_is_served(open_page: OpenPage, dist: Path, path: str) -> None:
    client = await open_page(dist)
    assert await error_of(await client.get(path)) == (404, "NOT_FOUND")


async def test_without_a_bundle_one_line_says_so(open_page: OpenPage, tmp_path: Path) -> None:
    client = await open_page(tmp_path / "absent")
    answer = await client.get("/")
    assert (answer.status, await answer.text()) == (503, page.NOT_BUILT)
    assert (await client.get("/docs")).status == 503
    assert page.NOT_BUILT.count("\n") == 1

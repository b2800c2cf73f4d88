"""The TLS proxy as it is deployed: the real Caddy, our configuration, both real services behind it."""

import asyncio
import re
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
import yaml
from yarl import URL

from tests.support.debian_tools import tool
from tests.support.protoo_client import connect
from tests.support.services import (
    ADMIN_EMAIL,
    ADMIN_PASSWORD,
    REPOSITORY,
    Platform,
    free_tcp_port,
    running_platform,
)
from tests.support.tls_proxy import CADDYFILE, TlsProxy, running_tls_proxy

CLIENT = "127.0.0.9"
"""Whom the proxy is asked by; it and the backend are at 127.0.0.1."""

DOMAIN = "class.school.example"
SHORT_S = 0.5


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with running_platform({"TRUSTED_PROXIES": "127.0.0.1"}) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(platform: Platform) -> Iterator[TlsProxy]:
    with running_tls_proxy(platform.backend.url.removeprefix("http://")) as running:
        yield running


@pytest.fixture
async def client(proxy: TlsProxy) -> AsyncIterator[aiohttp.ClientSession]:
    """Ask from an address of one's own, trusting the proxy's authority alone."""
    connector = aiohttp.TCPConnector(ssl=proxy.trusting, local_addr=(CLIENT, 0), family=socket.AF_INET)
    async with aiohttp.ClientSession(proxy.url, connector=connector) as session:
        yield session


async def signed_in(client: aiohttp.ClientSession) -> str:
    credentials = {"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}
    async with client.post("/api/v1/auth/login", json=credentials) as answer:
        assert answer.status == 200
        token: str = (await answer.json())["access_token"]
        return token


def test_caddy_accepts_the_configuration_as_it_stands_and_as_it_formats_it() -> None:
    caddy = tool("caddy", "caddy").path
    for command in (["validate", "--config"], ["fmt", "--diff"]):
        done = subprocess.run([caddy, *command, CADDYFILE], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert done.stdout == CADDYFILE.read_text() or not re.search(r"^[+-]", done.stdout, re.MULTILINE)


async def test_the_page_and_the_api_come_by_https(client: aiohttp.ClientSession) -> None:
    async with client.get("/") as page:
        assert page.status == 200
        assert "VTP classroom" in await page.text()
        assert "Strict-Transport-Security" not in page.headers, "localhost has other things on other ports"
    async with client.get("/health") as health:
        assert (await health.json())["status"] == "ok"


def test_the_certificate_lies_where_the_turn_server_looks_for_it(proxy: TlsProxy) -> None:
    [folder] = (proxy.folder / "data" / "caddy" / "certificates").glob("*/localhost")
    assert (folder / "localhost.crt").is_file()
    assert (folder / "localhost.key").is_file()


async def test_the_containers_health_check_finds_it_up(proxy: TlsProxy) -> None:
    described = yaml.safe_load((REPOSITORY / "deploy" / "compose.tls.yaml").read_text())
    url = described["services"]["proxy"]["healthcheck"]["test"][-1].replace(
        "127.0.0.1:2019", proxy.env["CADDY_ADMIN"]
    )
    async with aiohttp.ClientSession() as inside, inside.get(url) as answer:
        assert answer.status == 200
        assert "apps" in await answer.json()


async def test_http_is_sent_to_https(client: aiohttp.ClientSession, proxy: TlsProxy) -> None:
    address = f"http://localhost:{proxy.http_port}/docs?x=1"
    async with client.get(address, allow_redirects=False) as answer:
        assert answer.status == 308
        assert answer.headers["Location"] == "https://localhost/docs?x=1"


@pytest.mark.parametrize(
    "path", ["/metrics", "/metrics/", "/METRICS", "/%6detrics", "//metrics", "/x/../metrics", "/internal/pulse"]
)
async def test_what_is_for_the_operator_is_not_there_from_outside(
    client: aiohttp.ClientSession, proxy: TlsProxy, platform: Platform, path: str
) -> None:
    async with client.get(URL(proxy.url + path, encoded=True)) as refused:
        assert refused.status == 404
        assert "vtp_backend" not in await refused.text()
        assert "MISSING_TOKEN" not in await refused.text()
    async with aiohttp.ClientSession() as inside, inside.get(f"{platform.backend.url}/metrics") as answer:
        assert "vtp_backend_rooms" in await answer.text()


@pytest.mark.parametrize("claimed", [None, "203.0.113.7", "203.0.113.7, 127.0.0.1"])
async def test_the_backend_sees_the_clients_address(client: aiohttp.ClientSession, claimed: str | None) -> None:
    forged = {"X-Forwarded-For": claimed} if claimed else {}
    async with client.post(
        "/api/v1/auth/login", json={"email": ADMIN_EMAIL, "password": ADMIN_PASSWORD}, headers=forged
    ) as answer:
        token = (await answer.json())["access_token"]
    async with client.get("/api/v1/auth/sessions", headers={"Authorization": f"Bearer {token}"}) as answer:
        sessions = (await answer.json())["items"]
    assert [session["address"] for session in sessions if session["current"]] == [CLIENT]


async def test_a_body_that_is_far_too_large_is_refused(client: aiohttp.ClientSession) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(48):
            yield bytes(64 * 1024)

    for _ in range(3):
        async with client.post("/api/v1/auth/login", data=endless()) as answer:
            assert answer.status == 413
    async with client.get("/health") as answer:
        assert answer.status == 200, "one client's bad requests close the door for nobody"


async def test_a_class_is_joined_by_wss(client: aiohttp.ClientSession) -> None:
    socket_ = await connect(client, "", token=await signed_in(client))
    joined = await socket_.request("join-room", roomId="behind-tls")
    assert joined["participantId"]
    await socket_.close()


async def test_a_silent_websocket_outlives_every_timeout_and_limits_hold(platform: Platform) -> None:
    """With timeouts of a moment, a small limit and a domain of one's own, certified by the proxy itself."""

    def hasten(caddyfile: str) -> str:
        caddyfile = caddyfile.replace("max_size 2MB", "max_size 100KB")
        short = re.sub(r"(read_header|read_body|idle|response_header_timeout) \w+", rf"\1 {SHORT_S}s", caddyfile)
        return short.replace("skip_install_trust", "skip_install_trust\n\tlocal_certs", 1)

    backend = platform.backend.url.removeprefix("http://")
    with running_tls_proxy(backend, DOMAIN, hasten) as proxy:
        connector = aiohttp.TCPConnector(ssl=proxy.trusting, resolver=Loopback())
        async with aiohttp.ClientSession(proxy.url, connector=connector) as client:
            async with client.get("/") as page:
                assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000")
            socket_ = await connect(client, "", token=await signed_in(client))
            async with client.post("/api/v1/auth/login", data=bytes(200_000)) as answer:
                assert answer.status in {413, 502}, "refused, by former versions of Caddy as 502"
            await asyncio.sleep(4 * SHORT_S)
            assert (await socket_.request("join-room", roomId="patient"))["participantId"]
            await socket_.close()


async def test_no_ticket_stands_in_the_log_when_the_backend_is_away() -> None:
    def give_up_at_once(caddyfile: str) -> str:
        return re.sub(r"lb_try_duration \w+", "lb_try_duration 0.3s", caddyfile)

    with running_tls_proxy(f"127.0.0.1:{free_tcp_port()}", change=give_up_at_once) as proxy:
        connector = aiohttp.TCPConnector(ssl=proxy.trusting)
        async with (
            aiohttp.ClientSession(proxy.url, connector=connector) as client,
            client.get("/ws?ticket=tk-0123456789abcdef&x=1") as answer,
        ):
            assert answer.status == 503
        assert '"uri":"/ws?ticket=' in proxy.log()
        assert "tk-0123456789abcdef" not in proxy.log()


async def test_a_reload_takes_a_changed_configuration_and_refuses_a_wrong_one(platform: Platform) -> None:
    with running_tls_proxy(platform.backend.url.removeprefix("http://")) as proxy:
        connector = aiohttp.TCPConnector(ssl=proxy.trusting)
        async with aiohttp.ClientSession(proxy.url, connector=connector) as client:
            file = proxy.folder / "Caddyfile"
            for text, status in ((file.read_text().replace("/internal/*", "/internal/* /docs"), 404), ("{", 404)):
                file.write_text(text)
                done = proxy.caddy("reload", "--address", proxy.env["CADDY_ADMIN"])
                assert (done.returncode == 0) == (text != "{"), done.stderr
                async with client.get("/docs") as answer:
                    assert answer.status == status


class Loopback(aiohttp.abc.AbstractResolver):
    """Knows every name, at 127.0.0.1."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        return [
            aiohttp.abc.ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Hold nothing."""

"""Where a request comes from, behind proxies and without."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_aiohttp import AiohttpClient

from backend.http.origin import client_address
from tests.support.backend import ADMIN_EMAIL, API, PASSWORD, Account, make_app, settings_for, sign_in

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("1.2.3.4", [], "1.2.3.4"),
        ("1.2.3.4", ["5.6.7.8"], "1.2.3.4"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["5.6.7.8"], "5.6.7.8"),
        ("10.0.0.1", ["9.9.9.9, 5.6.7.8"], "5.6.7.8"),
        ("10.0.0.1", ["9.9.9.9", "5.6.7.8, 10.0.0.2"], "5.6.7.8"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["9.9.9.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["9.9.9.9, <script>, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["5.6.7.8:1234"], "5.6.7.8"),
        ("fd00::1", ["[2001:db8::5]:1234"], "2001:db8::5"),
        ("fd00::1", ["2001:db8::5"], "2001:db8::5"),
        ("::ffff:10.0.0.1", ["::ffff:5.6.7.8"], "5.6.7.8"),
        ("fe80::1%eth0", [], "fe80::1"),
        (None, ["9.9.9.9, 5.6.7.8"], "5.6.7.8"),
        (None, [], None),
        ("", [], None),
    ],
)
def test_the_address_that_counts(peer: str | None, forwarded: list[str], client: str | None) -> None:
    assert client_address(peer, forwarded, PROXIES) == client


@given(st.lists(st.text(max_size=50), max_size=5))
def test_whatever_a_client_claims_without_a_proxy(forwarded: list[str]) -> None:
    assert client_address("1.2.3.4", forwarded, PROXIES) == "1.2.3.4"


@given(st.lists(st.text(max_size=50), max_size=5))
def test_whatever_a_client_claims_behind_a_proxy(forwarded: list[str]) -> None:
    assert client_address("10.0.0.1", [*forwarded, "5.6.7.8"], PROXIES) == "5.6.7.8"


@pytest.mark.parametrize(("trusted", "last"), [((), 429), ((ip_network("127.0.0.1"),), 200)])
async def test_attempts_are_counted_by_the_clients_own_address(
    aiohttp_client: AiohttpClient, database_url: str, trusted: tuple[object, ...], last: int
) -> None:
    settings = settings_for(database_url, login_attempts_per_address=2, trusted_proxies=trusted)
    client = await aiohttp_client(make_app(settings))
    body = {"email": ADMIN_EMAIL, "password": PASSWORD}
    statuses = [
        (await client.post(f"{API}/auth/login", json=body, headers={"X-Forwarded-For": f"1.2.3.{n}"})).status
        for n in range(3)
    ]
    assert statuses == [200, 200, last]


async def test_the_audit_log_has_the_clients_own_address(aiohttp_client: AiohttpClient, database_url: str) -> None:
    settings = settings_for(database_url, trusted_proxies=(ip_network("127.0.0.0/8"),))
    client = await aiohttp_client(make_app(settings))
    admin: Account = await sign_in(client, ADMIN_EMAIL)
    body = {"email": "nobody@school.example", "password": PASSWORD}
    await client.post(f"{API}/auth/login", json=body, headers={"X-Forwarded-For": "6.6.6.6, 5.6.7.8"})
    (entry,) = (await (await admin.call("GET", "/audit?action=sign-in-failed")).json())["items"]
    assert entry["address"] == "5.6.7.8"

"""The relay as it is deployed: the real coturn, our configuration, the backend's credentials."""

import asyncio
import secrets
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal

import pytest
import yaml
from aioice.stun import TransactionFailed

from backend.domain.ice_servers import IceServer, ice_servers
from tests.support.certificates import write_certificate
from tests.support.debian_tools import tool
from tests.support.services import REPOSITORY
from tests.support.turn_client import allocated, echoing_peer
from tests.support.turn_server import TurnServer, end, running_turn_server, start_entrypoint
from tests.support.waiting import until

HOUR_S = 3600


@pytest.fixture(scope="module")
def server() -> Iterator[TurnServer]:
    with running_turn_server() as running:
        yield running


def credentials(secret: str, user: str = "ada", expires_in_s: int = HOUR_S) -> IceServer:
    """Return what the backend gives a client."""
    [server] = ice_servers((), ("turn:unused",), secret, user, int(time.time()) + expires_in_s)
    return server


def error_code(failure: pytest.ExceptionInfo[TransactionFailed]) -> int:
    code: int = failure.value.response.attributes["ERROR-CODE"][0]
    return code


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_the_backends_credentials_open_a_relay(server: TurnServer, transport: Literal["udp", "tcp"]) -> None:
    async with (
        echoing_peer() as peer,
        allocated(credentials(server.secret), server.port, transport) as relay,
    ):
        assert 50000 <= relay.address[1] <= 51999
        assert await relay.echo(b"chalk", peer) == b"chalk"


async def test_the_first_clients_of_a_new_server_get_in_all_at_once() -> None:
    """Its threads share a database, which none of them may find half made."""
    for _ in range(3):
        with running_turn_server() as server:
            async with AsyncExitStack() as relays:
                given = [credentials(server.secret, f"user-{number}") for number in range(16)]
                opening = (relays.enter_async_context(allocated(one, server.port)) for one in given)
                await asyncio.gather(*opening)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(lambda secret: credentials(secret, expires_in_s=-1), id="expired"),
        pytest.param(lambda _: credentials(secrets.token_urlsafe(48)), id="of another secret"),
        pytest.param(
            lambda secret: IceServer((), credentials(secret, "bob").username, credentials(secret).credential),
            id="of another user",
        ),
        pytest.param(lambda secret: IceServer((), "ada", credentials(secret).credential), id="without an expiry"),
    ],
)
async def test_credentials_that_do_not_hold_are_refused(server: TurnServer, given: object) -> None:
    assert callable(given)
    with pytest.raises(TransactionFailed) as failure:
        async with allocated(given(server.secret), server.port):
            pass
    assert error_code(failure) == 401


@pytest.mark.parametrize(
    "peer", ["127.0.0.2", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "192.0.2.7", "224.0.0.1"]
)
async def test_nobody_but_the_sfu_is_relayed_to(server: TurnServer, peer: str) -> None:
    async with allocated(credentials(server.secret), server.port) as relay:
        with pytest.raises(TransactionFailed) as failure:
            await relay.allow((peer, 40000))
    assert error_code(failure) == 403


async def test_several_sfus_are_relayed_to() -> None:
    with running_turn_server({"TURN_PEER_IPS": "192.0.2.7,10.1.2.3,2001:db8::7"}) as server:
        async with allocated(credentials(server.secret), server.port) as relay:
            await relay.allow(("10.1.2.3", 40000))
            with pytest.raises(TransactionFailed) as failure:
                await relay.allow(("127.0.0.1", 40000))
    assert error_code(failure) == 403


async def test_what_a_user_may_have_is_counted_over_all_of_their_credentials() -> None:
    with running_turn_server(None, "--user-quota=2") as server:
        async with AsyncExitStack() as relays:
            for expires_in_s in (HOUR_S, HOUR_S + 1):
                given = credentials(server.secret, expires_in_s=expires_in_s)
                await relays.enter_async_context(allocated(given, server.port))
            with pytest.raises(TransactionFailed) as failure:
                await relays.enter_async_context(allocated(credentials(server.secret), server.port))
            await relays.enter_async_context(allocated(credentials(server.secret, "bob"), server.port))
    assert error_code(failure) == 486


async def test_tls_with_a_certificate_that_is_renewed_without_a_restart(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    write_certificate(certificate, key)
    settings = {"TURN_CERT_FILE": str(certificate), "TURN_KEY_FILE": str(key), "TURN_RELOAD_S": "0.2"}
    with running_turn_server(settings) as server:
        trusting = ssl.create_default_context(cafile=certificate)
        trusting.check_hostname = False  # the client names the server by no name
        async with (
            echoing_peer() as peer,
            allocated(credentials(server.secret), server.tls_port, "tcp", trusting) as relay,
        ):
            assert await relay.echo(b"chalk", peer) == b"chalk"
            write_certificate(certificate, key)
            renewed = certificate.read_text()
            await until(lambda: asyncio.to_thread(lambda: shown_certificate(server) == renewed))
            assert await relay.echo(b"board", peer) == b"board"


async def test_the_proxys_certificate_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "caddy" / "certificates" / "acme.example-directory" / "school.example"
    folder.mkdir(parents=True)
    write_certificate(folder / "school.example.crt", folder / "school.example.key")
    settings = {
        "TURN_CERT_FILE": "proxy",
        "TURN_CERTIFICATES": str(tmp_path),
        "TURN_REALM": "school.example",
    }
    with running_turn_server(settings) as server:
        assert shown_certificate(server) == (folder / "school.example.crt").read_text()


async def test_there_is_no_tls_without_a_certificate(server: TurnServer) -> None:
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.tls_port)


def shown_certificate(server: TurnServer) -> str:
    return ssl.get_server_certificate(("127.0.0.1", server.tls_port), timeout=10)


def test_the_secret_is_on_no_command_line_and_in_no_environment(server: TurnServer) -> None:
    process = Path("/proc") / str(server.process.pid)
    assert b"turnserver" in (process / "cmdline").read_bytes()
    for place in ("cmdline", "environ"):
        assert server.secret.encode() not in (process / place).read_bytes()
    finished = server.log_path.parent / "turnserver.conf"
    assert finished.stat().st_mode & 0o777 == 0o600
    assert server.secret not in server.log()


def test_the_containers_health_check_hears_it(server: TurnServer) -> None:
    described = yaml.safe_load((REPOSITORY / "deploy" / "compose.turn.yaml").read_text())
    cmd, program, *arguments = described["services"]["coturn"]["healthcheck"]["test"]
    assert cmd == "CMD"
    asking = tool(program, "coturn")
    line = [asking.path, *(argument.replace("3478", str(server.port)) for argument in arguments)]
    done = subprocess.run(line, env=asking.env, capture_output=True, text=True, check=True, timeout=30)
    assert "reflexive addr: 127.0.0.1" in done.stdout


def test_coturn_knows_every_line_of_the_configuration(server: TurnServer) -> None:
    assert "Bad configuration format" not in server.log()
    assert "Unknown" not in server.log()


@pytest.mark.parametrize(
    ("secret", "peers", "reason"),
    [
        (None, "192.0.2.7", "cannot be read"),
        ("too short", "192.0.2.7", "fewer than 32 characters"),
        ("x" * 40 + "\nno-auth", "192.0.2.7", "may hold only"),
        ("x" * 40, "", "TURN_PEER_IPS is missing"),
        ("x" * 40, "192.0.2.7,sfu", "sfu, which is no address"),
    ],
)
def test_a_wrong_setting_ends_the_start_with_a_sentence(
    tmp_path: Path, secret: str | None, peers: str, reason: str
) -> None:
    if secret is not None:
        (tmp_path / "turn_secret").write_text(secret)
    settings = {"TURN_SECRET_FILE": str(tmp_path / "turn_secret"), "TURN_PEER_IPS": peers}
    process = start_entrypoint(tmp_path, settings)
    try:
        assert process.wait(30) == 2
    finally:
        end(process)
    assert reason in (tmp_path / "coturn.log").read_text()

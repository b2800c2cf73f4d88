"""The way to the database: lost connections, a lost server, and coming back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pytest_aiohttp import AiohttpClient

from backend.errors import DatabaseUnavailable, StartError
from backend.storage import database as database_module
from backend.storage.database import Database
from backend.storage.embedded import EmbeddedPostgres
from backend.storage.lifecycle import served
from tests.support.backend import ADMIN_EMAIL, API, PASSWORD, error_of, make_app, settings_for
from tests.support.database import FAST
from tests.support.services import fresh_data_dir

NOWHERE = Path("/nonexistent")


@pytest.fixture
def own_server() -> Iterator[EmbeddedPostgres]:
    with fresh_data_dir() as data_dir:
        server = EmbeddedPostgres(data_dir, FAST)
        server.start()
        yield server
        server.stop()


async def test_a_closed_database_is_not_available() -> None:
    database = Database(1)
    with pytest.raises(DatabaseUnavailable):
        await database.one("SELECT 1")
    assert not await database.reachable()
    await database.close()


async def test_a_connection_ended_by_the_server_is_replaced(database: Database, database_url: str) -> None:
    assert await database.reachable()
    with psycopg.connect(database_url, autocommit=True) as admin:
        ended = admin.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert ended is not None
    assert ended[0] >= 1
    assert await database.one("SELECT 7 AS n") == {"n": 7}


async def test_a_connection_lost_in_the_middle_is_one_error(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        await database.one("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await database.one("SELECT 7 AS n") == {"n": 7}


async def test_a_full_pool_is_one_error(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "ACQUIRE_TIMEOUT_S", 0.1)
    database = Database(pool_size=1)
    await database.open(database_url)
    async with database.connection():
        with pytest.raises(DatabaseUnavailable):
            await database.one("SELECT 1")
    await database.close()


async def test_a_statement_without_end_is_ended(database_url: str) -> None:
    database = Database(pool_size=1)
    await database.open(database_url)
    assert await database.one("SHOW statement_timeout") == {"statement_timeout": "10s"}
    await database.run("SET statement_timeout = 1")
    with pytest.raises(DatabaseUnavailable):
        await database.one("SELECT pg_sleep(30)")
    await database.close()


async def test_the_service_survives_the_database(
    own_server: EmbeddedPostgres, aiohttp_client: AiohttpClient
) -> None:
    client = await aiohttp_client(make_app(settings_for(own_server.conninfo())))
    credentials = {"email": ADMIN_EMAIL, "password": PASSWORD}
    assert (await client.post(f"{API}/auth/login", json=credentials)).status == 200

    await asyncio.to_thread(own_server.stop)
    refused = await client.post(f"{API}/auth/login", json=credentials)
    assert await error_of(refused) == (503, "DATABASE_UNAVAILABLE")
    assert int(refused.headers["Retry-After"]) >= 1
    health = await client.get("/health")
    assert (health.status, (await health.json())["database"]) == (503, "unavailable")
    assert (await client.get("/health/ready")).status == 503
    assert (await client.get("/health/live")).status == 200

    await asyncio.to_thread(own_server.start)
    assert (await client.post(f"{API}/auth/login", json=credentials)).status == 200
    assert (await client.get("/health")).status == 200


@pytest.mark.parametrize(
    ("change", "sentence"),
    [("dbname=absent", 'database "absent" does not exist'), ("user=absent", 'role "absent" does not exist')],
)
async def test_a_server_that_refuses_us_is_not_waited_for(database_url: str, change: str, sentence: str) -> None:
    with pytest.raises(StartError, match=sentence):
        async with served(f"{database_url} {change}", NOWHERE):
            pass


async def test_a_url_that_is_none() -> None:
    with pytest.raises(StartError, match="DATABASE_URL"):
        async with served("postgresql://%zz", NOWHERE):
            pass

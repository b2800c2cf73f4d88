"""Fixtures of the backend's tests."""

from collections.abc import AsyncIterator, Iterator

import pytest
from pytest_aiohttp import AiohttpClient

from backend.domain.users import Role
from backend.storage.database import Database
from tests.support import api_conformance, signalling_conformance
from tests.support.backend import (
    ADMIN_EMAIL,
    Account,
    Client,
    QuietRooms,
    make_account,
    make_app,
    settings_for,
    sign_in,
)
from tests.support.database import DatabaseServer, empty_tables, running_database_server


@pytest.fixture(autouse=True)
def answers_as_documented() -> Iterator[None]:
    """Fail a test in which a backend answered or told something that is not in its documents."""
    yield
    assert [*api_conformance.take_deviations(), *signalling_conformance.take_deviations()] == []


@pytest.fixture(scope="session")
def database_server() -> Iterator[DatabaseServer]:
    with running_database_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_database(database_server: DatabaseServer) -> str:
    return database_server.make_migrated()


@pytest.fixture
def database_url(migrated_database: str) -> str:
    empty_tables(migrated_database)
    return migrated_database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(pool_size=4)
    await opened.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def presence() -> QuietRooms:
    return QuietRooms()


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, database_url: str, presence: QuietRooms) -> Client:
    return await aiohttp_client(make_app(settings_for(database_url), presence))


@pytest.fixture
async def admin(client: Client) -> Account:
    return await sign_in(client, ADMIN_EMAIL)


@pytest.fixture
async def teacher(client: Client) -> Account:
    return await make_account(client, Role.TEACHER, "teacher@school.example", "Tea Cher")


@pytest.fixture
async def student(client: Client) -> Account:
    return await make_account(client, Role.STUDENT, "student@school.example", "Stu Dent")

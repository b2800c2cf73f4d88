"""Signing in tells nobody who has an account: the same work is done whoever asks for whom.

No clock is asked: what is compared is what takes time, the slow hash above all, as the real parts do it.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import bcrypt
import psycopg
import pytest

from backend.storage.database import Connection, Database
from tests.support.backend import API, PASSWORD, Account, Client, error_of, sign_in

EMAIL = "student@school.example"


@contextmanager
def counted_work() -> Iterator[Counter[str]]:
    """Count slow comparisons, by the work factor of the hash, and the borrowing of database connections."""
    work: Counter[str] = Counter()
    checkpw, hashpw, connection = bcrypt.checkpw, bcrypt.hashpw, Database.connection

    def counted_checkpw(password: bytes, hashed: bytes) -> bool:
        work[f"compared, cost {hashed.split(b'$')[2].decode()}"] += 1
        return checkpw(password, hashed)

    def counted_hashpw(password: bytes, salt: bytes) -> bytes:
        work["hashed"] += 1
        return hashpw(password, salt)

    @asynccontextmanager
    async def counted_connection(self: Database) -> AsyncIterator[Connection]:
        work["database"] += 1
        async with connection(self) as lent:
            yield lent

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bcrypt, "checkpw", counted_checkpw)
        patch.setattr(bcrypt, "hashpw", counted_hashpw)
        patch.setattr(Database, "connection", counted_connection)
        yield work


async def work_of(client: Client, status: int = 401, **credentials: Any) -> Counter[str]:
    with counted_work() as work:
        answer = await client.post(f"{API}/auth/login", json=credentials)
    assert answer.status == status, await answer.text()
    return work


async def test_every_refusal_costs_the_same(client: Client, admin: Account, student: Account) -> None:
    gone = await (
        await admin.call("POST", "/users", {"email": "gone@a.example", "password": PASSWORD, "full_name": "G"})
    ).json()
    await admin.call("PATCH", f"/users/{gone['id']}", {"active": False})
    wrong = await work_of(client, email=EMAIL, password="Wrong-Password-1")
    assert wrong["compared, cost 04"] == 1
    assert wrong["database"] > 1
    for email, password in (
        ("nobody@school.example", PASSWORD),
        ("no address", PASSWORD),
        (gone["email"], PASSWORD),
        (gone["email"], "Wrong-Password-1"),
        (EMAIL, "x" * 1000),
        (EMAIL, ""),
        ("nobody@school.example", "x" * 1000),
    ):
        assert await work_of(client, email=email, password=password) == wrong, (email, password[:20])


async def test_a_hash_of_another_work_factor_is_renewed(
    client: Client, student: Account, database_url: str
) -> None:
    """An account whose comparison takes another time than the dummy's would stand out."""
    costlier = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(5)).decode()
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE users SET password_hash = %s WHERE email = %s", [costlier, EMAIL])
    first = await work_of(client, 200, email=EMAIL, password=PASSWORD)
    assert (first["compared, cost 05"], first["hashed"]) == (1, 1)
    second = await work_of(client, 200, email=EMAIL, password=PASSWORD)
    assert (second["compared, cost 04"], second["hashed"]) == (1, 0)
    await sign_in(client, EMAIL)


@contextmanager
def while_comparing(database_url: str, password_hash: str) -> Iterator[None]:
    """Let the next slow comparison last until the student has another password hash."""
    checkpw = bcrypt.checkpw

    def slow_checkpw(password: bytes, hashed: bytes) -> bool:
        matches = checkpw(password, hashed)
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE users SET password_hash = %s WHERE email = %s", [password_hash, EMAIL])
        patch.undo()
        return matches

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bcrypt, "checkpw", slow_checkpw)
        yield


def other_hash(password: str, cost: int = 4) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


async def test_a_password_that_was_changed_meanwhile_signs_nobody_in(
    client: Client, student: Account, database_url: str
) -> None:
    with while_comparing(database_url, other_hash("Another-Password-1")):
        answer = await client.post(f"{API}/auth/login", json={"email": EMAIL, "password": PASSWORD})
    assert await error_of(answer) == (401, "INVALID_CREDENTIALS")
    await sign_in(client, EMAIL, "Another-Password-1")


async def test_a_password_that_was_changed_meanwhile_is_not_replaced(
    client: Client, student: Account, database_url: str
) -> None:
    body = {"current_password": PASSWORD, "new_password": "Third-Password-1"}
    with while_comparing(database_url, other_hash("Another-Password-1")):
        answer = await student.call("POST", "/auth/change-password", body)
    assert await error_of(answer) == (400, "WRONG_PASSWORD")
    await sign_in(client, EMAIL, "Another-Password-1")


@pytest.mark.parametrize(("password", "status"), [(PASSWORD, 200), ("Another-Password-1", 401)])
async def test_a_hash_that_another_sign_in_renews_meanwhile(
    client: Client, student: Account, database_url: str, password: str, status: int
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE users SET password_hash = %s WHERE email = %s", [other_hash(PASSWORD, 5), EMAIL]
        )
    with while_comparing(database_url, other_hash(password)):
        answer = await client.post(f"{API}/auth/login", json={"email": EMAIL, "password": PASSWORD})
    assert answer.status == status

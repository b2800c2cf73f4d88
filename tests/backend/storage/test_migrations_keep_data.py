"""Going back to an older schema, and up again, with rows in every table: what both know stays as it was."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from backend.storage.migrate import migrate, read_migrations
from tests.support.database import DatabaseServer

NEWEST = len(read_migrations())

ROWS = """
INSERT INTO users (id, email, full_name, role, password_hash, phone) VALUES
    ('00000000-0000-0000-0000-000000000001', 'teacher@school.example', 'T', 'teacher', 'x', '1'),
    ('00000000-0000-0000-0000-000000000002', 'student@school.example', 'S', 'student', 'x', NULL);
INSERT INTO sessions (id, user_id, started_at, expires_at, last_used_at, address, user_agent) VALUES
    ('00000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-000000000001',
     '2026-01-01', '2126-01-01', '2026-01-02', '192.0.2.1', 'a browser');
INSERT INTO refresh_tokens VALUES ('\\x01', '00000000-0000-0000-0000-000000000003', '2126-01-01', NULL);
INSERT INTO tickets VALUES ('\\x02', '00000000-0000-0000-0000-000000000003', '2126-01-01');
INSERT INTO rooms (id, name, owner_id, max_participants, is_locked, students_may_publish, created_at, waiting_room)
    VALUES ('physics', 'Physics', '00000000-0000-0000-0000-000000000001', 30, false, true, '2026-01-01', true);
INSERT INTO attendance VALUES ('seat', 'physics', '00000000-0000-0000-0000-000000000002', 'S', 'student',
    '2026-01-01 10:00', '2026-01-01 11:00');
INSERT INTO messages (id, room_id, participant_id, full_name, text, sent_at) VALUES
    ('00000000-0000-0000-0000-000000000004', 'physics', 'seat', 'S', 'What is a wave?', '2026-01-01 10:30');
INSERT INTO audit_log (id, at, action, details)
    VALUES ('00000000-0000-0000-0000-000000000005', '2026-01-01', 'sign-in', '{}');
INSERT INTO invitations VALUES ('physics', '\\x03', '2026-01-01', '2126-01-01');
INSERT INTO admissions VALUES ('physics', '00000000-0000-0000-0000-000000000002', '2026-01-01');
INSERT INTO seats VALUES ('seat', 'physics', '00000000-0000-0000-0000-000000000002',
    '00000000-0000-0000-0000-000000000003', '\\x04', true, '2026-01-01', NULL);
INSERT INTO room_placements (room_id, sfu_url, epoch, claim_id)
    VALUES ('physics', 'http://sfu.example', 'e', '00000000-0000-0000-0000-000000000006');
INSERT INTO second_factors (user_id, sealed_secret, key_id, enabled)
    VALUES ('00000000-0000-0000-0000-000000000001', '\\x05', 'k', true);
INSERT INTO backup_codes VALUES ('00000000-0000-0000-0000-000000000001', '\\x06');
INSERT INTO login_failures (key, at, failed) VALUES ('\\x07', '2026-01-01', true);
INSERT INTO backends (id, url) VALUES ('00000000-0000-0000-0000-000000000007', 'http://backend.example');
INSERT INTO room_homes (room_id, backend_id, claim_id) VALUES
    ('physics', '00000000-0000-0000-0000-000000000007', '00000000-0000-0000-0000-000000000008');
"""

Rows = dict[str, list[dict[str, Any]]]


def content(conninfo: str) -> Rows:
    """Every row of every table of ours."""
    with psycopg.connect(conninfo) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_migrations'"
        ).fetchall()
        every_row = sql.SQL("SELECT to_jsonb(t) FROM {} t ORDER BY 1")
        return {
            table: [row[0] for row in connection.execute(every_row.format(sql.Identifier(table)))]
            for (table,) in tables
        }


def within(rows: Rows, other: Rows) -> Rows:
    """Of the rows what is of the tables and columns that `other` has, too."""
    return {table: [{name: row[name] for name in kept[0]} for row in rows[table]] for table, kept in other.items()}


@pytest.fixture(scope="module")
def filled(database_server: DatabaseServer) -> str:
    conninfo = database_server.make_migrated()
    with psycopg.connect(conninfo) as connection:
        connection.execute(ROWS.encode())
    assert all(content(conninfo).values()), "a table without a row: add one above"
    return conninfo


@pytest.fixture
def copy(database_server: DatabaseServer, filled: str) -> Iterator[str]:
    name, template = "copy_of_filled", conninfo_to_dict(filled)["dbname"]
    with psycopg.connect(make_conninfo(filled, dbname="postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    conninfo = make_conninfo(filled, dbname=name)
    yield conninfo
    database_server.drop(conninfo)


@pytest.mark.parametrize("version", range(NEWEST))
def test_down_and_up_again_with_rows_in_every_table(copy: str, version: int) -> None:
    before = content(copy)
    migrate(copy, version)
    older = content(copy)
    assert older == within(before, older)
    migrate(copy)
    after = content(copy)
    assert after.keys() == before.keys()
    assert within(after, older) == older

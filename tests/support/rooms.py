"""Rooms for tests of what keeps them."""

from datetime import UTC, datetime

from backend.domain.rooms import RoomRecord
from backend.storage.database import Database
from backend.storage.rooms import PostgresRooms
from shared.ids import new_id


async def a_room(database: Database) -> RoomRecord:
    """Make a room with an id of its own, as it is kept."""
    wanted = RoomRecord(
        id=new_id(),
        name="Physics",
        owner_id=None,
        max_participants=10,
        is_locked=False,
        students_may_publish=True,
        created_at=datetime.now(UTC),
    )
    room, _ = await PostgresRooms(database).create_if_absent(wanted)
    return room

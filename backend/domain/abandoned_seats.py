"""Attendance that an earlier run of the backend left open: who did not come back has left."""

import asyncio
from datetime import datetime

from backend.domain.classroom import all_participants
from backend.domain.live_classes import LiveClasses
from backend.domain.ports import AttendanceRepository


async def free_abandoned_seats(
    attendance: AttendanceRepository, classes: LiveClasses, started_at: datetime, grace_s: float
) -> None:
    """Wait for the grace, then close the rows from before `started_at` whose seats nobody holds.

    They count as left at `started_at`, the last moment at which they can have been there.
    """
    await asyncio.sleep(grace_s)
    for row in await attendance.open_seats():
        held = {participant.id for participant in all_participants(classes.rooms.values())}
        if row.joined_at < started_at and row.participant_id not in held:
            await attendance.seat_freed(row.participant_id, started_at)

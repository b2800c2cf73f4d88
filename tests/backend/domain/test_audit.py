"""What happens in live classes is noted in the background."""

import asyncio
from datetime import UTC, datetime

from backend.domain.audit import AuditAction, AuditLog, LiveAudit, Target, TargetType
from backend.domain.chores import Chores
from backend.domain.origin import Origin, coming_from, current_origin
from tests.support.live_class import MemoryAudit, a_user

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
EVENING = datetime(2030, 1, 1, 18, tzinfo=UTC)


async def test_an_entry_is_of_the_moment_and_place_it_was_made_at() -> None:
    kept, times = MemoryAudit(), iter((NOON, EVENING))
    chores = Chores(retry_s=0.01)
    live = LiveAudit(AuditLog(kept, lambda: next(times)), chores)
    teacher = a_user()
    kept.away = True
    with coming_from(Origin("1.2.3.4")):
        target = Target(TargetType.PARTICIPANT, "p1")
        live.note(AuditAction.PARTICIPANT_KICKED, teacher, target, room_id="physics", details={"name": "Stu"})
    await asyncio.wait_for(kept.asked.wait(), 10)
    kept.away = False
    await asyncio.wait_for(kept.kept.wait(), 10)
    (entry,) = kept.entries.values()
    assert (entry.at, entry.address, entry.room_id, entry.target) == (NOON, "1.2.3.4", "physics", target)
    assert (entry.actor_id, entry.actor_email, entry.details) == (teacher.id, teacher.email, {"name": "Stu"})
    await chores.close(1)


async def test_tasks_of_a_request_know_its_origin() -> None:
    async def origin() -> Origin:
        return current_origin()

    with coming_from(Origin("1.2.3.4", "Browser")):
        task = asyncio.create_task(origin())
    assert current_origin() == Origin()
    assert await task == Origin("1.2.3.4", "Browser")

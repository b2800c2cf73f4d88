"""At which SFU each room's media are, in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence

import psycopg.errors

from backend.domain.placement import Placement
from backend.domain.rooms import room_not_found
from backend.storage.database import Database


class PostgresPlacements:
    """Implements `backend.domain.placement.PlacementRepository`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take_over(self, room_id: str, claim_id: str) -> Placement | None:
        """Give a room's placement this claim and return it; None when the room is placed nowhere."""
        row = await self._database.one(
            """
            UPDATE room_placements SET claim_id = %s, kept_at = now() WHERE room_id = %s
            RETURNING sfu_url, epoch
            """,
            [claim_id, room_id],
        )
        return Placement(room_id, row["sfu_url"], row["epoch"], claim_id) if row else None

    async def place(self, wanted: Placement, instead_of: str | None) -> bool:
        """Keep a placement unless there is another one; one of the claim `instead_of` is replaced.

        Raises:
            NotFound: `ROOM_NOT_FOUND`, the room has just been deleted.
        """
        try:
            touched = await self._database.run(
                """
                INSERT INTO room_placements (room_id, sfu_url, epoch, claim_id) VALUES (%s, %s, %s, %s)
                ON CONFLICT (room_id) DO UPDATE SET
                    sfu_url = EXCLUDED.sfu_url, epoch = EXCLUDED.epoch,
                    claim_id = EXCLUDED.claim_id, kept_at = now()
                WHERE room_placements.claim_id = %s
                """,
                [wanted.room_id, wanted.sfu_url, wanted.epoch, wanted.claim_id, instead_of],
            )
        except psycopg.errors.ForeignKeyViolation:
            raise room_not_found() from None
        return touched > 0

    async def remove(self, placement: Placement) -> None:
        """Forget a placement, unless somebody has taken it over."""
        await self._database.run(
            "DELETE FROM room_placements WHERE room_id = %s AND claim_id = %s",
            [placement.room_id, placement.claim_id],
        )

    async def epochs(self, room_ids: Collection[str]) -> Mapping[str, str]:
        """Return the epochs that these rooms are placed at; one placed nowhere is missing."""
        rows = await self._database.all(
            "SELECT room_id, epoch FROM room_placements WHERE room_id = ANY(%s)", [list(room_ids)]
        )
        return {row["room_id"]: row["epoch"] for row in rows}

    async def keep(self, placements: Sequence[Placement]) -> None:
        """Note that these rooms are still open, also if one was swept meanwhile; leaves what others took over."""
        await self._database.run(
            """
            INSERT INTO room_placements (room_id, sfu_url, epoch, claim_id)
            SELECT kept.* FROM unnest(%s::text[], %s::text[], %s::text[], %s::uuid[])
                AS kept (room_id, sfu_url, epoch, claim_id)
            WHERE EXISTS (SELECT 1 FROM rooms WHERE rooms.id = kept.room_id)
            ON CONFLICT (room_id) DO UPDATE SET kept_at = now()
            WHERE room_placements.claim_id = EXCLUDED.claim_id
            """,
            [
                [one.room_id for one in placements],
                [one.sfu_url for one in placements],
                [one.epoch for one in placements],
                [one.claim_id for one in placements],
            ],
        )

    async def sweep(self, unused_s: float) -> int:
        """Forget placements that nobody has kept for so many seconds; return how many."""
        return await self._database.run(
            "DELETE FROM room_placements WHERE kept_at < now() - make_interval(secs => %s)", [unused_s]
        )

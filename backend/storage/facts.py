"""What is read at once of many users and sessions, to compare everything live with it."""

from collections.abc import Collection, Sequence

from backend.domain.users import User
from backend.storage.database import Database
from backend.storage.rows import as_uuid, user_from


class PostgresFacts:
    """Implements `backend.domain.news.Facts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def users(self, user_ids: Collection[str]) -> Sequence[User]:
        """Return the users with these ids, without those that are gone."""
        ids = [as_uuid(user_id) for user_id in user_ids]
        rows = await self._database.all(
            "SELECT id, email, full_name, phone, role, active FROM users WHERE id = ANY(%s)", [ids]
        )
        return [user_from(row) for row in rows]

    async def running_sessions(self, session_ids: Collection[str]) -> Collection[str]:
        """Return those of these sessions that have not ended."""
        ids = [as_uuid(session_id) for session_id in session_ids]
        rows = await self._database.all("SELECT id FROM sessions WHERE id = ANY(%s) AND ended_at IS NULL", [ids])
        return {str(row["id"]) for row in rows}

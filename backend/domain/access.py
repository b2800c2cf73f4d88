"""Who an access token belongs to: every one is checked against the session it came from."""

from backend.domain.auth_ports import AccessTokenSigner, SessionRepository
from backend.domain.ports import Identity
from backend.errors import Unauthorized


class Access:
    """Implements `backend.domain.ports.TokenService`."""

    def __init__(self, sessions: SessionRepository, signer: AccessTokenSigner) -> None:
        self._sessions = sessions
        self._signer = signer

    async def verify_access(self, token: str) -> Identity:
        """Return whom an access token belongs to, as the database knows the user now.

        Raises:
            Unauthorized: `TOKEN_EXPIRED`, or `INVALID_TOKEN` when it is malformed or its session has ended.
        """
        claims = self._signer.verify(token)
        identity = await self._sessions.identity(claims.session_id)
        if identity is None or identity.user.id != claims.user_id:
            raise Unauthorized("The session has ended. Sign in again.")
        return identity

    async def identity(self, session_id: str) -> Identity | None:
        """Return who a session belongs to, as the database knows the user now; None when it is over."""
        return await self._sessions.identity(session_id)

"""Which STUN and TURN servers a client is told of, with credentials that expire."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IceServer:
    """One entry of WebRTC's `RTCConfiguration.iceServers`; username and credential for TURN only."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None


def ice_servers(
    stun_urls: Sequence[str], turn_urls: Sequence[str], secret: str, user_id: str, expires_at: int
) -> list[IceServer]:
    """Return the servers for one user; `expires_at` is in Unix seconds.

    TURN credentials follow coturn's REST scheme (draft-uberti-behave-turn-rest-00): the username is
    `<expiry>:<user>`, the password the Base64 HMAC-SHA1 of it under the secret that coturn shares with us.
    """
    servers = [IceServer(tuple(stun_urls))] if stun_urls else []
    if turn_urls:
        username = f"{expires_at}:{user_id}"
        digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
        servers.append(IceServer(tuple(turn_urls), username, base64.b64encode(digest).decode()))
    return servers

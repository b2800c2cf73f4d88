"""The user name fragments and passwords of one ICE agent, over its restarts (RFC 8445 9)."""

import secrets

USERNAME_FRAGMENT_LENGTH = 16
PASSWORD_LENGTH = 32
"""Within RFC 8445 5.3 (at least 4 and 22 characters); 96 and 192 bits of randomness."""

MAX_CREDENTIALS = 3
"""Of an agent at a time: what the peer uses, and the two newest that it may be about to use."""

OLD_CREDENTIALS_S = 60.0
"""How long after a restart, or after their last use if that is later, older credentials stay valid when the peer
never uses the newest: twice as long as consent lasts. A peer whose answer got lost goes on with what it has."""

_ICE_CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
"""The 64 of RFC 8445 5.3: each byte of randomness chooses one, with no bias."""


class IceCredentials:
    """What the peer's checks may be signed with. The newest is what it is told; older ones go with its first use.

    What is retired is returned by the method that retires it: user name fragments, which name nobody from then on.
    """

    def __init__(self) -> None:
        self.username_fragment = ""
        self.password = ""
        self._keys: dict[str, bytes] = {}
        self._old_until: float | None = None
        self._renew()

    @property
    def fragments(self) -> list[str]:
        """All that are valid, the oldest first."""
        return list(self._keys)

    def key(self, fragment: str) -> bytes | None:
        """Return the key of checks under this fragment, if it is valid."""
        return self._keys.get(fragment)

    def restart(self, now: float) -> list[str]:
        """Make new credentials; those before stay valid for a while."""
        self._old_until = now + OLD_CREDENTIALS_S
        self._renew()
        known = self.fragments
        # The first may be what the peer uses now, so it is not what goes.
        return self._retire(known[1 : 1 + len(known) - MAX_CREDENTIALS])

    def used(self, fragment: str, now: float) -> list[str]:
        """Take note of an authenticated check under this fragment: the peer has left those before it."""
        if self._old_until is None:
            return []
        if fragment != self.username_fragment:
            self._old_until = now + OLD_CREDENTIALS_S
        known = self.fragments
        return self._retire(known[: known.index(fragment)])

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        return self._old_until

    def handle_timeout(self, now: float) -> list[str]:
        """Retire what was kept for a peer that has not restarted."""
        if self._old_until is None or now < self._old_until:
            return []
        return self._retire(self.fragments[:-1])

    def _renew(self) -> None:
        self.username_fragment = _random_ice_string(USERNAME_FRAGMENT_LENGTH)
        self.password = _random_ice_string(PASSWORD_LENGTH)
        self._keys[self.username_fragment] = self.password.encode()

    def _retire(self, fragments: list[str]) -> list[str]:
        for fragment in fragments:
            del self._keys[fragment]
        if len(self._keys) == 1:
            self._old_until = None
        return fragments


def _random_ice_string(length: int) -> str:
    return "".join([_ICE_CHARS[byte & 63] for byte in secrets.token_bytes(length)])

"""HTTP calls to a service: the status it must have and the fields it must return."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from deploy.integration.checks import CheckFailed, require

Json = dict[str, Any]

MAX_QUOTED = 120
"""Of an answer that was not expected, so much is told."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. `body` is None where it was no JSON; `text` is all of it."""

    call: str
    status: int
    body: Any
    text: str

    def must_be(self, status: int, code: str | None = None) -> None:
        """Require a status and, of an error, its code. Raises: CheckFailed."""
        require(self.status == status, f"{self.call}: status {self.status} instead of {status}{self._quoted()}")
        seen = self.body.get("code") if isinstance(self.body, dict) else None
        require(code is None or seen == code, f"{self.call}: code {seen} instead of {code}")

    def ok(self, *fields: str, status: int = 200) -> Json:
        """Return the body of a success that has these fields. Raises: CheckFailed."""
        self.must_be(status)
        require(isinstance(self.body, dict), f"{self.call}: the answer is no JSON object{self._quoted()}")
        body: Json = self.body
        missing = [name for name in fields if body.get(name) is None]
        require(not missing, f"{self.call}: the answer lacks {', '.join(missing)}")
        return body

    def _quoted(self) -> str:
        error = self.body.get("error") if isinstance(self.body, dict) else None
        words = str(error or self.text).strip()
        return f" ({words[:MAX_QUOTED]})" if words else ""


class HttpApi:
    """Calls one service over kept connections. `timeout` in seconds holds for a whole call."""

    def __init__(self, session: aiohttp.ClientSession, url: str, timeout: float, token: str | None = None) -> None:
        self.url = url
        self.token = token
        self.session = session
        self._timeout = aiohttp.ClientTimeout(total=timeout)

    async def call(
        self, method: str, path: str, body: Json | None = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request, with the token unless other headers are given. Raises: CheckFailed without an answer."""
        name = f"{method} {path.partition('?')[0]}"
        if headers is None:
            headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            async with self.session.request(
                method, self.url + path, json=body, headers=headers, timeout=self._timeout, allow_redirects=False
            ) as response:
                return _answer(name, response.status, await response.text(errors="replace"))
        except TimeoutError:
            raise CheckFailed(f"{name}: no answer within {self._timeout.total:g} s from {self.url}") from None
        except aiohttp.ClientConnectorError as error:
            raise CheckFailed(f"{name}: cannot reach {self.url} ({error.strerror or error})") from None
        except aiohttp.ClientError as error:
            raise CheckFailed(f"{name}: {self.url} broke off ({type(error).__name__})") from None

    async def get(self, path: str) -> Answer:
        """Send a GET."""
        return await self.call("GET", path)

    async def post(self, path: str, body: Json | None = None) -> Answer:
        """Send a POST."""
        return await self.call("POST", path, body)

    async def delete(self, path: str) -> Answer:
        """Send a DELETE."""
        return await self.call("DELETE", path)


def _answer(name: str, status: int, text: str) -> Answer:
    try:
        body = json.loads(text) if text else None
    except ValueError:
        body = None
    return Answer(name, status, body, text)

"""HTTP calls to one service over one kept connection, and what its health answers say."""

import http.client
import json
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from deploy.probes.command import Bad, Unreachable

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""No answer that a probe asks for comes near this."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; `body` is empty where it was no JSON object. `ms` is how long it took."""

    status: int
    body: dict[str, Any]
    ms: float

    @property
    def is_json(self) -> bool:
        """Whether a JSON object came."""
        return bool(self.body)


class Calls:
    """Asks the service at a base URL; `timeout` in seconds holds for each step of a call."""

    def __init__(self, url: str, timeout: float, token: str | None = None) -> None:
        self.url = url
        self._timeout = timeout
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._prefix = parts.path
        self._connection = kind(parts.hostname or "", parts.port, timeout=timeout)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        """Send a request and read the answer, whatever its status. Raises: Unreachable."""
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        started = time.perf_counter()
        try:
            self._connection.request(method, self._prefix + path, data, headers)
            response = self._connection.getresponse()
            raw = response.read(MAX_ANSWER_BYTES)
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unreachable(f"{self.url}: {self._reason(error)}") from None
        except BaseException:
            self._connection.close()  # interrupted: what is removed on the way out needs a fresh one
            raise
        return Answer(response.status, _json(raw), (time.perf_counter() - started) * 1000)

    def _reason(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer within {self._timeout:g} s"
        if isinstance(error, (socket.gaierror, UnicodeError)):
            return "its name does not resolve"
        if isinstance(error, http.client.RemoteDisconnected):
            return "it closed the connection without an answer"
        if isinstance(error, http.client.HTTPException):
            return "what answers there speaks no HTTP"
        return (getattr(error, "strerror", None) or str(error)).lower()


def _json(raw: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(raw)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def service_of(health: dict[str, Any]) -> str:
    """Tell by `/health` (or another answer of health) which service it is."""
    return "sfu" if "worker" in health else "backend" if "service" in health else "service"


def reasons(health: dict[str, Any]) -> list[str]:
    """Say in words what an answer of health calls unwell."""
    found = []
    if health.get("database") == "unavailable":
        found.append("database: down")
    if health.get("worker") == "not-ready":
        found.append("sfu: no media worker is ready")
    if health.get("draining") is True:
        found.append("sfu: draining")
    if health.get("sfu") == "unavailable":
        found.append("sfu: down")
    return found


def require_health(answer: Answer) -> None:
    """Refuse what is no answer of health of ours. Raises: Bad."""
    if "status" not in answer.body and "error" not in answer.body:
        raise Bad(f"something else answers there (status {answer.status}, not the JSON of our services)")
    if answer.status != 200:
        raise Bad(failure(answer))


def failure(answer: Answer) -> str:
    """Say why an answer is no success: the reasons in it, else its error, else its status."""
    words = reasons(answer.body)
    if not words and isinstance(answer.body.get("error"), str):
        words = [answer.body["error"]]
    return "; ".join(words) or f"it answers status {answer.status}"

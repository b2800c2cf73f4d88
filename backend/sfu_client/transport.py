"""One request to the SFU: deadline, retries, circuit, credentials, and its errors as ours."""

import asyncio
import json
from urllib.parse import quote, urlencode

import aiohttp
from structlog.contextvars import get_contextvars
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from backend.domain.metering import Meter
from backend.domain.sfu_port import JsonObject, SfuUnavailable
from backend.errors import Broken, Conflict, InvalidInput, NotFound, VtpError
from backend.sfu_client.circuit import Circuit
from shared.errors import INTERNAL_ERROR
from shared.ids import REQUEST_ID_HEADER, request_id
from shared.logging import get_logger

DEADLINE_S = 5.0
"""Longest that a request may take, retries included; clients of ours give up after some 20 s."""

CONNECT_S = 1.0
"""The SFU is next door."""

RETRY_FIRST_S = 0.05
RETRY_MOST_S = 0.5
"""Waits between tries grow from about one to about the other, by chance, so that clients do not come in step."""

STOP_RETRYING_S = 3.0
"""Leaves the last try some time within the deadline."""

MAX_CONNECTIONS = 64
"""Requests to the SFU at the same time; more wait for a free connection, within their deadline."""

KEEPALIVE_S = 15.0
"""Shorter than the SFU's own, so that we do not send into a connection that it is just closing."""

SFU_DRAINS = "DRAINING"
"""The code by which an SFU says so."""

_REFUSALS: dict[int, type[VtpError]] = {400: InvalidInput, 404: NotFound, 409: Conflict, 413: InvalidInput}

_log = get_logger(__name__)


class _NotDone(Exception):  # noqa: N818 - named for what it tells
    """The request did not reach the SFU, or it said that it cannot serve now."""


class _MaybeDone(Exception):  # noqa: N818 - named for what it tells
    """The answer did not reach us."""


class SfuDraining(SfuUnavailable):
    """The SFU takes no new room any more; what it has goes on."""


class SfuHttp:
    """Sends requests and returns JSON objects. `open` it before use, `close` it at the end."""

    def __init__(self, base_url: str, api_token: str | None, meter: Meter) -> None:
        self._meter = meter
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_token}"} if api_token else {}
        self._circuit = Circuit()
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the connection pool."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEPALIVE_S),
            timeout=aiohttp.ClientTimeout(total=DEADLINE_S, sock_connect=CONNECT_S),
            headers=self._headers,
        )

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session with the credentials, for the event stream."""
        if self._session is None:
            raise AssertionError("the SFU client is not open")
        return self._session

    @property
    def base_url(self) -> str:
        """Where the SFU is, without a slash at the end."""
        return self._base_url

    def note_answer(self) -> None:
        """The SFU has answered by another way: requests may be sent again at once."""
        self._circuit.succeeded()

    async def call(
        self,
        method: str,
        path: tuple[str, ...],
        body: JsonObject | None = None,
        *,
        query: dict[str, str] | None = None,
        repeatable: bool = False,
    ) -> JsonObject:
        """Send a request and return the answer's object.

        Tries again, while there is time, what certainly was not done: the connection failed, or the SFU said 503.
        What is `repeatable` (doing it twice is like doing it once) it also tries again after a broken answer.

        Raises:
            SfuUnavailable: no answer in time, or 503; `SfuDraining` when it says so.
            InvalidInput, NotFound, Conflict: what the SFU answered, with its code and sentence.
            Broken: it answered something that makes no sense.
        """
        started, outcome = self._now(), "failed"
        try:
            answer = await self._call(method, path, body, query, repeatable=repeatable)
            outcome = "ok"
            return answer
        except (InvalidInput, NotFound, Conflict):
            outcome = "refused"
            raise
        except SfuUnavailable:
            outcome = "unavailable"
            raise
        finally:
            self._meter.sfu_call(_operation(method, path), outcome, self._now() - started)

    async def _call(
        self,
        method: str,
        path: tuple[str, ...],
        body: JsonObject | None,
        query: dict[str, str] | None,
        *,
        repeatable: bool,
    ) -> JsonObject:
        tries = AsyncRetrying(
            retry=retry_if_exception_type((_NotDone, _MaybeDone) if repeatable else _NotDone),
            wait=wait_random_exponential(multiplier=RETRY_FIRST_S, max=RETRY_MOST_S),
            stop=stop_after_delay(STOP_RETRYING_S),
            reraise=True,
        )
        try:
            async with asyncio.timeout(DEADLINE_S):
                answer: JsonObject = await tries(self._try, method, self._url(path, query), body)
                return answer
        except _NotDone as error:
            raise SfuUnavailable from error
        except _MaybeDone as error:
            raise SfuUnavailable(maybe_done=True) from error
        except TimeoutError as error:
            self._circuit.failed(self._now())
            raise SfuUnavailable(maybe_done=True) from error

    async def _try(self, method: str, url: str, body: JsonObject | None) -> JsonObject:
        if not self._circuit.lets_pass(self._now()):
            raise SfuUnavailable
        try:
            async with self.session.request(method, url, json=body, headers=_request_headers()) as answer:
                status, content = answer.status, await answer.read()
        except aiohttp.ClientConnectorError as error:
            self._circuit.failed(self._now())
            raise _NotDone from error
        except (aiohttp.ClientError, OSError) as error:  # OSError includes every time-out
            self._circuit.failed(self._now())
            raise _MaybeDone from error
        self._circuit.succeeded()
        return _result(status, content)

    def _url(self, path: tuple[str, ...], query: dict[str, str] | None) -> str:
        url = "/".join([self._base_url, *(quote(part, safe="") for part in path)])
        return f"{url}?{urlencode(query)}" if query else url

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _operation(method: str, path: tuple[str, ...]) -> str:
    """Return what is asked, without of what: in the SFU's paths names and ids take turns."""
    return f"{method} /" + "/".join("{id}" if index % 2 else part for index, part in enumerate(path))


def _request_headers() -> dict[str, str]:
    return {REQUEST_ID_HEADER: request_id(get_contextvars().get("request_id"))}


def _result(status: int, content: bytes) -> JsonObject:
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {}
    if status == 200:
        return body
    if status == 503:
        raise SfuDraining if body.get("code") == SFU_DRAINS else _NotDone
    if status == 401:
        _log.error("the SFU does not accept our SFU_API_TOKEN")
        raise SfuUnavailable
    raise _refusal(status, body)


def _refusal(status: int, body: JsonObject) -> VtpError:
    message, code, details = body.get("error"), body.get("code"), body.get("details")
    if not isinstance(message, str) or not isinstance(code, str) or status not in _REFUSALS:
        _log.error("the SFU failed", status=status, sfu_code=code)
        return Broken("The media server failed.", INTERNAL_ERROR)
    if _REFUSALS[status] is InvalidInput:
        return InvalidInput(message, code, details if isinstance(details, dict) else None)
    return _REFUSALS[status](message, code)

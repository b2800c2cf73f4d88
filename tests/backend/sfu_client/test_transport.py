"""One request to the SFU: what is tried again, what it costs, and what becomes of errors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import structlog

from backend.domain.metering import Unmetered
from backend.domain.sfu_port import SfuUnavailable
from backend.errors import Broken, Conflict, InvalidInput, NotFound
from backend.sfu_client import transport
from backend.sfu_client.circuit import FAILURES_TO_OPEN
from backend.sfu_client.transport import MAX_CONNECTIONS, SfuHttp
from shared.ids import is_client_id
from tests.support.moody_sfu import MoodySfu, answers, hangs, hangs_up, moody_sfu, says
from tests.support.services import free_tcp_port


@asynccontextmanager
async def http_to(url: str, token: str | None = None) -> AsyncIterator[SfuHttp]:
    http = SfuHttp(url, token, Unmetered())
    await http.open()
    try:
        yield http
    finally:
        await http.close()


async def test_an_answer_comes_through() -> None:
    async with moody_sfu(answers({"x": 1})) as sfu, http_to(sfu.url) as http:
        assert await http.call("POST", ("rooms", "r~1", "peers"), {"peerId": "p"}) == {"x": 1}
        (asked,) = sfu.asked
        assert (asked.method, asked.path, asked.body) == ("POST", "/rooms/r~1/peers", {"peerId": "p"})
        assert "Authorization" not in asked.headers
        assert is_client_id(asked.headers["X-Request-ID"])


async def test_the_token_and_the_request_id_go_along() -> None:
    async with moody_sfu() as sfu, http_to(sfu.url, "secret") as http:
        with structlog.contextvars.bound_contextvars(request_id="abc-1"):
            await http.call("GET", ("rooms",), query={"detail": "1"})
        (asked,) = sfu.asked
        assert asked.path == "/rooms?detail=1"
        assert asked.headers["Authorization"] == "Bearer secret"
        assert asked.headers["X-Request-ID"] == "abc-1"


@pytest.mark.parametrize("path_part", ["../x", "a/b", "a?b", "a#b", "a%2Fb", "ä"])
async def test_a_part_of_the_path_stays_one(path_part: str) -> None:
    async with moody_sfu() as sfu, http_to(sfu.url) as http:
        await http.call("GET", ("rooms", path_part, "x"))
        assert sfu.asked[0].path.startswith("/rooms/")
        assert sfu.asked[0].path.count("/") == 3


async def test_busy_is_tried_again() -> None:
    busy = answers({"error": "No worker.", "code": "NO_WORKER"}, 503)
    async with moody_sfu(busy, busy, answers({"id": 1})) as sfu, http_to(sfu.url) as http:
        assert await http.call("POST", ("rooms",), {}) == {"id": 1}
        assert len(sfu.asked) == 3


async def test_always_busy_is_unavailable_and_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "STOP_RETRYING_S", 0.2)
    busy = answers({"error": "No worker.", "code": "NO_WORKER"}, 503)
    async with moody_sfu(*[busy] * 100) as sfu, http_to(sfu.url) as http:
        with pytest.raises(SfuUnavailable) as caught:
            await http.call("POST", ("rooms",), {})
        assert not caught.value.maybe_done
        assert 1 < len(sfu.asked) < 100


async def test_a_lost_answer_is_asked_for_again_only_when_that_is_harmless() -> None:
    async with moody_sfu(hangs_up, answers({"x": 1})) as sfu, http_to(sfu.url) as http:
        with pytest.raises(SfuUnavailable) as caught:
            await http.call("POST", ("rooms",), {})
        assert caught.value.maybe_done
        assert len(sfu.asked) == 1
    async with moody_sfu(hangs_up, answers({"x": 1})) as sfu, http_to(sfu.url) as http:
        assert await http.call("POST", ("rooms",), {}, repeatable=True) == {"x": 1}
        assert len(sfu.asked) == 2


async def test_a_dead_sfu_is_unavailable_then_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "STOP_RETRYING_S", 0)
    async with http_to(f"http://127.0.0.1:{free_tcp_port()}") as http:
        for _ in range(FAILURES_TO_OPEN):
            with pytest.raises(SfuUnavailable) as caught:
                await http.call("GET", ("rooms",))
            assert not caught.value.maybe_done
            assert caught.value.__cause__ is not None
        with pytest.raises(SfuUnavailable) as caught:
            await http.call("GET", ("rooms",))
        assert caught.value.__cause__ is None  # the circuit refused it


async def test_silence_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "DEADLINE_S", 0.2)
    async with moody_sfu(hangs) as sfu, http_to(sfu.url) as http:
        with pytest.raises(SfuUnavailable) as caught:
            await http.call("POST", ("rooms",), {})
        assert caught.value.maybe_done


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "INVALID_INPUT", InvalidInput),
        (400, "CANNOT_CONSUME", InvalidInput),
        (404, "PRODUCER_NOT_FOUND", NotFound),
        (409, "ALREADY_CONNECTED", Conflict),
        (413, "PAYLOAD_TOO_LARGE", InvalidInput),
    ],
)
async def test_refusals_keep_their_code_and_sentence(status: int, code: str, kind: type[Exception]) -> None:
    body = {"error": "So it is.", "code": code, "details": {"kind": ["Wrong."]}}
    async with moody_sfu(answers(body, status)) as sfu, http_to(sfu.url) as http:
        with pytest.raises(kind) as caught:
            await http.call("POST", ("rooms",), {})
        assert (caught.value.code, caught.value.message) == (code, "So it is.")  # type: ignore[attr-defined] # a VtpError
        if isinstance(caught.value, InvalidInput):
            assert caught.value.details == {"kind": ["Wrong."]}
        assert len(sfu.asked) == 1


@pytest.mark.parametrize(
    "mood",
    [
        says("Traceback: /secret/path", 500),
        answers({"error": "secret", "code": "INTERNAL_ERROR"}, 500),
        says("not json", 404),
        answers([], 404),
        answers({"error": 7, "code": "X"}, 400),
        answers({}, 302),
    ],
)
async def test_what_makes_no_sense_tells_no_secret(mood: object) -> None:
    async with moody_sfu(mood) as sfu, http_to(sfu.url) as http:  # type: ignore[arg-type] # each is a Mood
        with pytest.raises(Broken) as caught:
            await http.call("GET", ("rooms",))
        assert (caught.value.code, caught.value.message) == ("INTERNAL_ERROR", "The media server failed.")


async def test_a_token_that_is_not_accepted_makes_the_sfu_unavailable() -> None:
    async with moody_sfu(answers({"error": "No.", "code": "UNAUTHORIZED"}, 401)) as sfu, http_to(sfu.url) as http:
        with pytest.raises(SfuUnavailable):
            await http.call("GET", ("rooms",))


async def test_requests_at_the_same_time_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for patience in ("CONNECT_S", "DEADLINE_S"):  # so many connections at once take their time beside other tests
        monkeypatch.setattr(transport, patience, 60.0)
    more_than_fit = MAX_CONNECTIONS + 20
    waiting = asyncio.Event()

    async def waits(sfu: MoodySfu, _request: object) -> object:
        if sfu.at_once == MAX_CONNECTIONS:
            waiting.set()
        await waiting.wait()
        return await answers({})(sfu, _request)  # type: ignore[arg-type] # passed through

    async with moody_sfu(*[waits] * more_than_fit) as sfu, http_to(sfu.url) as http:  # type: ignore[list-item] # Moods
        await asyncio.gather(*(http.call("GET", ("rooms",)) for _ in range(more_than_fit)))
        assert sfu.most_at_once == MAX_CONNECTIONS
        assert len(sfu.asked) == more_than_fit

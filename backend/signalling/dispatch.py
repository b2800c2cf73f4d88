"""From a request to its answer: find the method, check the data, call the handler, turn errors into answers."""

import asyncio
import math
import time

from marshmallow import ValidationError
from structlog.contextvars import bound_contextvars

from backend.domain.homes import RoomElsewhere
from backend.errors import InvalidInput, NotAvailable, NotFound, TooManyAttempts, VtpError, status_of
from backend.signalling.client import Client
from backend.signalling.methods import METHODS
from backend.signalling.outbox import SendQueue
from backend.signalling.protoo import Request, failure, success
from shared.errors import INTERNAL_ERROR, FieldErrors
from shared.ids import new_id
from shared.logging import get_logger

MAX_DEPTH = 64
"""Deeper data is no RTP parameters or SDP; it would only exhaust the stack of whoever reads or writes it."""

FIND_HOME_WITHIN_S = 6.0
"""A room whose home has just died is taken up within a second; a home that hangs is given up after some."""

LOOK_AGAIN_S = 0.2

_log = get_logger(__name__)


OK = "ok"
EDGE = "signalling"
UNKNOWN = "unknown"
"""What a method that is none counts as: its name is a stranger's choice."""


async def serve(client: Client, queue: SendQueue, request: Request) -> None:
    """Serve one request and put the answer into the queue, or have it answered at the home of the client's room.

    It is counted, and its id is in every log line about it.

    The answer to `join-room` holds a snapshot of the room, so it goes before every notice about a later change.
    """
    with bound_contextvars(request_id=new_id()):
        if client.far is not None and client.far.joined:
            await client.far.forward(request)
        elif client.participant is None:
            with queue.answering_first() as put_answer:
                if (answer := await _answer_before_seat(client, request)) is not None:
                    put_answer(answer)
        else:
            queue.put(await _answer(client, request))


async def _answer_before_seat(client: Client, request: Request) -> str | None:
    """Answer; None when another backend has done so, where the room is at home.

    While homes move, since a backend died or stops, this tries again until one is found that answers.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + FIND_HOME_WITHIN_S
    while True:
        try:
            answer = await _answer(client, request)
        except RoomElsewhere as elsewhere:
            if client.far is None or loop.time() > deadline:
                return _refusal(request, elsewhere)
            if await client.far.join(elsewhere.home, request):
                return None
            await asyncio.sleep(LOOK_AGAIN_S)
        else:
            if client.far is not None and client.participant is not None:
                client.far.hang_up()
            return answer


async def _answer(client: Client, request: Request) -> str:
    method = request.method if request.method in METHODS else UNKNOWN
    started = time.monotonic()
    text, outcome = await _answer_and_outcome(client, request)
    seconds = time.monotonic() - started
    client.rules.meter.signalling_request(method, outcome, seconds)
    _log.debug("signalling request", signalling_method=method, outcome=outcome, seconds=seconds)
    return text


async def _answer_and_outcome(client: Client, request: Request) -> tuple[str, str]:
    try:
        return success(request.id, await _call(client, request)), OK
    except RoomElsewhere:
        raise
    except VtpError as error:
        client.rules.meter.refused(EDGE, error.code)
        return _refusal(request, error), str(status_of(error))
    except Exception:
        client.rules.meter.refused(EDGE, INTERNAL_ERROR)
        _log.exception("a signalling method failed", signalling_method=request.method)
        return failure(request.id, 500, "Something went wrong on our side.", INTERNAL_ERROR), "500"


def _refusal(request: Request, error: VtpError) -> str:
    details = error.details if isinstance(error, InvalidInput) else None
    later = error.retry_after_s if isinstance(error, NotAvailable | TooManyAttempts) else None
    return failure(request.id, status_of(error), error.message, error.code, details, later)


def _why_unfit(data: object) -> str | None:
    """Tell what of the data could be handed on to nobody; None when nothing is."""
    level = [data]
    for _ in range(MAX_DEPTH):
        if any(isinstance(value, float) and not math.isfinite(value) for value in level):
            return "The data holds a number that is too large."  # 1e999 is JSON, the infinity it is read as is not
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return None
    return f"The data is nested more than {MAX_DEPTH} levels deep."


def _details(error: ValidationError) -> FieldErrors:
    messages: FieldErrors = error.normalized_messages()  # type: ignore[no-untyped-call] # marshmallow types it not
    return messages


async def _call(client: Client, request: Request) -> dict[str, object]:
    method = METHODS.get(request.method)
    if method is None:
        raise NotFound("There is no such method.", "UNKNOWN_METHOD")
    client.require(method.action)
    if not isinstance(request.data, dict):
        raise InvalidInput("The data must be an object.")
    if (reason := _why_unfit(request.data)) is not None:
        raise InvalidInput(reason)
    try:
        data = method.schema.load(request.data)
    except ValidationError as error:
        raise InvalidInput("The data is not valid.", details=_details(error)) from None
    return await method.handler(client, data)

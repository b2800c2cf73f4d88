"""Logs of both services: structlog over the standard library, as console lines or JSON, never with a secret.

Every service calls `configure_logging` once at start. Modules take `get_logger(__name__)` and bind room, peer and
transport ids to it. Records of libraries that use the standard `logging` come out in the same form.
"""

import json
import logging
import os
import sys
import threading
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, Literal, TextIO

import structlog

LogFormat = Literal["console", "json"]

SECRET_WORDS = ("password", "token", "ticket", "secret", "authorization", "cookie", "ice_pwd", "key_material")
"""A field whose name holds one of these words is never written, whatever its value."""

LEVELS = ("debug", "info", "warning", "error", "critical")

_REDACTED = "[redacted]"

_NAMES_REMEMBERED = 1024
"""Names of fields; the code of both services has some two hundred."""

_written = dict.fromkeys(LEVELS, 0)


def redact_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the values of fields whose names speak of a secret (structlog processor)."""
    for name in event:
        if _is_secret(name):
            event[name] = _REDACTED
    return event


@lru_cache(_NAMES_REMEMBERED)
def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in SECRET_WORDS)


def configure_logging(level: str, log_format: LogFormat, **context: Any) -> None:
    """Set up logging for this process; `context` (service, worker) goes into every line.

    Args:
        level: a standard level name, such as `info`.
        log_format: `console` for people, `json` for log collectors (one object a line).
    """
    shared_processors: list[structlog.typing.Processor] = [
        _add_process_context(context),
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _count,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact_secrets,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared_processors,
            structlog.processors.StackInfoRenderer(),
            *_renderers(log_format),
        ],
        logger_factory=_LineLogger,
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_processors,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    if log_format == "json":
        _log_what_is_printed()
    for chatty in ("aioice", "aiortc", "asyncio", "psycopg.pool", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def operator_line(log_format: LogFormat, sentence: str, *, level: str = "info", **context: Any) -> str:
    """Return what is printed for the operator, whatever the log level: the sentence, or a record that holds it."""
    if log_format != "json":
        return sentence
    at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return json.dumps({"event": sentence, **context, "level": level, "timestamp": at}, ensure_ascii=False)


def wanted_log_format() -> LogFormat:
    """Return the log format that the environment asks for, for what is said before the settings are read."""
    return "json" if os.environ.get("LOG_FORMAT", "").strip().lower() == "json" else "console"


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the module's logger; bind ids to it with `.bind(room_id=…)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def lines_written() -> dict[str, int]:
    """Return how many lines this process has logged at each level."""
    return dict(_written)


def _count(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    level = event["level"]
    if level in _written:
        _written[level] += 1
    return event


class _LineLogger:
    """Writes finished lines to standard output, at the levels of the standard library's logger of its name.

    By way of a record of the standard library a line costs more, and a class that joins makes a thousand at once.
    """

    def __init__(self, name: str) -> None:
        self.name: Final = name
        levels = logging.getLogger(name)
        self.disabled: Final = levels.disabled
        self.isEnabledFor: Final = levels.isEnabledFor  # structlog asks for these by these names
        self.getEffectiveLevel: Final = levels.getEffectiveLevel

    def info(self, line: str) -> None:
        """Write a line; what cannot be written, because nobody reads it any more, is lost."""
        stream: TextIO = sys.stdout
        with suppress(OSError, ValueError):
            stream.write(line + "\n")
            stream.flush()

    debug = warning = error = critical = exception = info


def _add_process_context(context: dict[str, Any]) -> structlog.typing.Processor:
    def add(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, value in context.items():
            event.setdefault(name, value)
        return event

    return add


def _renderers(log_format: LogFormat) -> list[structlog.typing.Processor]:
    if log_format == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stdout.isatty(),
            pad_event_to=0,
            exception_formatter=structlog.dev.plain_traceback,  # others show local variables: tokens, passwords
        )
    ]


def _log_what_is_printed() -> None:
    """Make records of what Python would print on standard error: warnings, and errors that nobody caught."""
    logging.captureWarnings(True)
    log = get_logger("python")

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        log.critical("uncaught error", exc_info=(kind, error, trace))

    def uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
        log.critical("uncaught error in a thread", exc_info=args.exc_value)

    def unraisable(args: "sys.UnraisableHookArgs") -> None:
        log.error("error that nobody could catch", exc_info=args.exc_value)

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, uncaught_in_thread, unraisable

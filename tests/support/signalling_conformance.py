"""Holds every answer and notification that a test gets over a socket against the signalling document's schemas.

`check_answer` and `check_notification` are called by the tests' protoo client; what they find is kept until a
fixture takes it (`take_deviations`). A field that the document does not name is a deviation.
"""

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from backend.error_codes import CODES
from backend.signalling.document import declared, schemas, usual_errors
from backend.signalling.methods import METHODS
from backend.signalling.told import NOTIFICATIONS

Json = dict[str, Any]

MAX_KEPT = 100
"""The first ones say it all."""

_deviations: list[str] = []


def take_deviations() -> list[str]:
    """Return what was found since the last time."""
    found = list(_deviations)
    _deviations.clear()
    return found


def check_answer(method: str, answer: Json) -> None:
    """Look at the answer to a request of this method."""
    _keep(f"answer to {method}", answer_deviations(method, answer))


def check_notification(method: str, data: Json) -> None:
    """Look at a notification."""
    _keep(f"notification {method}", notification_deviations(method, data))


def answer_deviations(method: str, answer: Json) -> list[str]:
    """Return in what an answer is not as documented."""
    known = METHODS.get(method)
    if not answer["ok"]:
        codes = {"UNKNOWN_METHOD"} if known is None else {*declared(known).errors, *usual_errors(known)}
        code, status = answer["code"], answer["errorCode"]
        found = [] if code in codes else [f"the handler's @answers does not name {code}"]
        return found if CODES[code].status == status else [*found, f"{code} has another status than {status}"]
    if known is None:
        return ["there is no such method"]
    return _errors(declared(known).answer.__name__, answer["data"])


def notification_deviations(method: str, data: Json) -> list[str]:
    """Return in what a notification is not as documented."""
    known = NOTIFICATIONS.get(method)
    return ["NOTIFICATIONS has no such method"] if known is None else _errors(known.data.__name__, data)


def _keep(where: str, found: list[str]) -> None:
    _deviations.extend(f"{where}: {one}" for one in found)
    del _deviations[MAX_KEPT:]


def _errors(name: str, data: Json) -> list[str]:
    return [f"{one.json_path}: {one.message}" for one in _validator(name).iter_errors(data)]


@cache
def _validator(name: str) -> Draft202012Validator:
    strict = {name: {**schema, "additionalProperties": False} for name, schema in schemas().items()}
    whole = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": strict}}
    return Draft202012Validator(whole, format_checker=FormatChecker())

"""The signalling document: as the code is, whole, and what is held against it."""

from pathlib import Path
from typing import Any, get_args

import pytest

from backend.domain import notices
from backend.error_codes import CODES
from backend.signalling import document, notifications, write_document
from backend.signalling.answers import declared_of
from backend.signalling.connection import Close
from backend.signalling.methods import METHODS
from backend.signalling.told import NOTIFICATIONS
from shared.operations import described
from tests.support.live_backend import LiveBackend
from tests.support.signalling_conformance import answer_deviations, notification_deviations


def test_the_file_is_as_the_code_is() -> None:
    assert write_document.main(["--check"]) == 0, "run `make docs`"


@pytest.mark.asyncio(loop_scope="module")
async def test_the_page_holds_the_document_and_no_script(backend: LiveBackend) -> None:
    async with backend.session.get(f"{backend.url}/docs/signalling") as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
        page = await answer.text()
    assert '<h3 id="join-room"><code>join-room</code></h3>' in page
    assert '<h3 id="participant">' in page
    assert 'href="#participant"' in page
    assert "<script" not in page


def test_a_stale_file_is_told_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_document, "FILE", tmp_path / "PROTOCOL.md")
    assert write_document.main(["--check"]) == 1
    write_document.FILE.write_text("old")
    assert write_document.main(["--check"]) == 1
    assert write_document.main([]) == 0
    assert write_document.main(["--check"]) == 0


@pytest.mark.parametrize("name", METHODS)
def test_every_method_says_what_it_does_and_answers(name: str) -> None:
    declared = declared_of(METHODS[name].handler)
    assert declared is not None, "put @answers (backend.signalling.answers) on its handler"
    assert described(METHODS[name].handler)[0], "its handler needs a docstring"
    assert set(declared.errors) <= set(CODES)
    assert f"### `{name}`\n" in document.protocol_document()


def test_every_notice_is_a_notification_that_is_described() -> None:
    told = set(get_args(notices.Notice))
    described_ones = {notice for one in NOTIFICATIONS.values() for notice in (one.notice, *one.also)}
    assert described_ones == told, "add it to backend/signalling/told.py"
    assert set(notifications._RENDERERS) == told


def test_every_close_code_is_described() -> None:
    text = document.protocol_document()
    assert all(f"| {code.value} | " in text for code in Close)


def test_fields_are_as_the_schemas_have_them() -> None:
    text = document.protocol_document()
    assert "| `text` | string | required; 1 to 4000 characters |" in text
    assert "| `spatialLayer` | integer | required; 0 to 255 |" in text
    assert '| `kind` | `"audio"` or `"video"` | required |' in text
    assert "| `participants` | list of [Participant](#participant) | The others. |" in text
    assert "409 `ROOM_FULL`" in text


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"participantId": "0b0e7f0a-7a39-4c4b-8f63-0d6c7a1c9b1e", "handRaised": True, "handRaisedAt": 1}, None),
        ({"participantId": "0b0e7f0a-7a39-4c4b-8f63-0d6c7a1c9b1e", "handRaised": 1}, "1 is not of type 'boolean'"),
        ({"participantId": "0b0e7f0a-7a39-4c4b-8f63-0d6c7a1c9b1e"}, "'handRaised' is a required property"),
        ({"participantId": "somebody", "handRaised": True}, "is not a 'uuid'"),
        ({"participantId": "0b0e7f0a-7a39-4c4b-8f63-0d6c7a1c9b1e", "handRaised": True, "at": 1}, "'at' was unexp"),
    ],
)
def test_a_notification_that_is_not_as_documented_is_found(data: dict[str, Any], problem: str | None) -> None:
    found = notification_deviations("participant-updated", data)
    assert found == [] if problem is None else problem in " ".join(found)
    assert notification_deviations("participant-sneezed", data) == ["NOTIFICATIONS has no such method"]


def test_an_answer_that_is_not_as_documented_is_found() -> None:
    def refused(status: int, code: str) -> list[str]:
        return answer_deviations("raise-hand", {"ok": False, "errorCode": status, "code": code})

    assert answer_deviations("raise-hand", {"ok": True, "data": {}}) == []
    assert answer_deviations("raise-hand", {"ok": True, "data": {"raised": True}}) != []
    assert refused(409, "NOT_JOINED") == []
    assert refused(400, "NOT_JOINED") == ["NOT_JOINED has another status than 400"]
    assert refused(409, "ROOM_FULL") == ["the handler's @answers does not name ROOM_FULL"]

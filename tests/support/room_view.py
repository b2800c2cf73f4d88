"""A client's picture of a room, made of what it is told alone; it objects to whatever breaks the promises.

Promises: who joins learns every participant and producer exactly once; nothing is told of what is not there; all
are told one order.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

ROOM_WIDE = {
    "participant-joined",
    "participant-left",
    "participant-updated",
    "new-producer",
    "producer-paused",
    "producer-resumed",
    "producer-closed",
    "chat-message",
}
"""What goes to everybody in the room; the rest is for one alone."""


@dataclass
class RoomView:
    """What one seat knows. Feed it the messages of its sockets in the order they came; `me` is set by the join.

    `told` are the room-wide notifications since the last join, as texts that can be compared.
    """

    me: str = ""
    participants: dict[str, Json] = field(default_factory=dict)
    learned: set[str] = field(default_factory=set)
    told: list[str] = field(default_factory=list)

    def take(self, message: Json) -> None:
        """Take one message in. Raises: AssertionError when it breaks a promise."""
        if message.get("notification"):
            self._notified(message["method"], message["data"])
        elif message.get("ok") and "resumeToken" in message["data"]:
            self._joined(message["data"])

    def producers(self) -> dict[str, bool]:
        """All producers of others and whether they are paused."""
        return {
            producer_id: paused
            for participant_id, one in self.participants.items()
            if participant_id != self.me
            for producer_id, paused in one["producers"].items()
        }

    def _joined(self, answer: Json) -> None:
        self.me = answer["participantId"]
        self.participants = {one["participantId"]: _known(one) for one in answer["participants"]}
        assert len(self.participants) == len(answer["participants"])
        assert self.me not in self.participants
        self.told.clear()
        self.learned = set(self.producers())

    def _notified(self, method: str, data: Json) -> None:
        if method not in ROOM_WIDE:
            return
        assert self.me, f"{method} came before the answer to join-room"
        self.told.append(json.dumps([method, data], sort_keys=True))
        getattr(self, "_" + method.replace("-", "_"))(data)

    def _participant_joined(self, data: Json) -> None:
        one = data["participant"]
        assert one["participantId"] not in self.participants, "told twice of a participant"
        assert one["producers"] == []
        self.participants[one["participantId"]] = _known(one)

    def _participant_left(self, data: Json) -> None:
        assert self.participants.pop(data["participantId"])["producers"] == {}, "left before its producers ended"

    def _participant_updated(self, data: Json) -> None:
        if data["participantId"] != self.me:
            self.participants[data["participantId"]]["hand"] = data["handRaisedAt"]

    def _new_producer(self, data: Json) -> None:
        assert data["producerId"] not in self.learned, "told twice of a producer"
        self.learned.add(data["producerId"])
        self.participants[data["participantId"]]["producers"][data["producerId"]] = data["paused"]

    def _producer_paused(self, data: Json) -> None:
        self._switch(data, paused=True)

    def _producer_resumed(self, data: Json) -> None:
        self._switch(data, paused=False)

    def _producer_closed(self, data: Json) -> None:
        if data["participantId"] != self.me:
            del self.participants[data["participantId"]]["producers"][data["producerId"]]

    def _chat_message(self, data: Json) -> None:
        assert data["participantId"] == self.me or data["participantId"] in self.participants

    def _switch(self, data: Json, *, paused: bool) -> None:
        producers = self.participants[data["participantId"]]["producers"]
        assert producers[data["producerId"]] is not paused, "told of a switch that is none"
        producers[data["producerId"]] = paused


def as_told_to(participant_id: str, everything: Sequence[str]) -> list[str]:
    """What of all that happened somebody is told: all but one's own doing, but for what one says oneself."""
    return [text for text in everything if _whose(text) != participant_id or text.startswith('["chat-message"')]


def is_told_in_one_piece(part: Sequence[str], whole: Sequence[str]) -> bool:
    """Tell whether `part` is what happened, in order and without a gap."""
    starts = [index for index in range(len(whole)) if not part or whole[index] == part[0]]
    return not part or any(list(whole[start : start + len(part)]) == list(part) for start in starts)


def _known(one: Json) -> Json:
    return {
        "producers": {each["producerId"]: each["paused"] for each in one["producers"]},
        "hand": one["handRaisedAt"],
    }


def _whose(text: str) -> str:
    data = json.loads(text)[1]
    participant_id: str = data.get("participantId") or data["participant"]["participantId"]
    return participant_id

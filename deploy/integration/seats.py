"""A place in a room, with the same calls whichever service is asked: the SFU's own API here."""

from typing import Protocol

from deploy.integration.http_api import HttpApi, Json

TRANSPORT_FIELDS = ("transportId", "iceParameters", "iceCandidates", "dtlsParameters")


class Seat(Protocol):
    """Somebody who can send and receive."""

    async def create_transport(self, direction: str) -> Json:
        """Make a transport, for `send` or `recv`. Raises: CheckFailed."""

    async def connect_transport(self, transport_id: str, dtls_parameters: Json) -> None:
        """Tell the SFU our DTLS parameters. Raises: CheckFailed."""

    async def produce(self, transport_id: str, rtp_parameters: Json) -> Json:
        """Announce a stream of audio. Raises: CheckFailed."""

    async def consume(self, transport_id: str, producer_id: str) -> Json:
        """Ask for a stream, not paused. Raises: CheckFailed."""


class SfuSeat:
    """A peer in a room of the SFU. Join before anything else."""

    def __init__(self, sfu: HttpApi, room: str, peer: str) -> None:
        self.room = f"/rooms/{room}"
        self.peer = peer
        self._room_id = room
        self._sfu = sfu
        self._capabilities: Json = {}

    async def join(self) -> Json:
        """Join the room. Raises: CheckFailed."""
        body = {
            "peerId": self.peer,
            "userId": f"user-{self.peer}",
            "fullName": self.peer,
            "roomName": "Integration run",
        }
        joined = (await self._sfu.post(f"{self.room}/peers", body)).ok(
            "roomId", "peerId", "rtpCapabilities", "peers"
        )
        self._capabilities = joined["rtpCapabilities"]
        return joined

    async def leave(self) -> None:
        """Leave the room. Raises: CheckFailed."""
        (await self._sfu.post(f"{self.room}/peers/{self.peer}/leave")).ok("success")

    async def create_transport(self, direction: str) -> Json:
        """Make a transport (`Seat`)."""
        wish = {"peerId": self.peer, "direction": direction}
        return (await self._sfu.post(f"{self.room}/transports", wish)).ok(*TRANSPORT_FIELDS)

    async def connect_transport(self, transport_id: str, dtls_parameters: Json) -> None:
        """Connect a transport (`Seat`)."""
        path = f"{self.room}/transports/{transport_id}/connect"
        (await self._sfu.post(path, {"dtlsParameters": dtls_parameters})).ok("success")

    async def produce(self, transport_id: str, rtp_parameters: Json) -> Json:
        """Produce (`Seat`)."""
        wish = {
            "peerId": self.peer,
            "kind": "audio",
            "rtpParameters": rtp_parameters,
            "transportId": transport_id,
        }
        return (await self._sfu.post(f"{self.room}/producers", wish)).ok("producerId", "kind", "rtpParameters")

    async def consume(self, transport_id: str, producer_id: str) -> Json:
        """Consume (`Seat`)."""
        wish = {
            "peerId": self.peer,
            "producerId": producer_id,
            "transportId": transport_id,
            "rtpCapabilities": self._capabilities,
            "paused": False,
        }
        return (await self._sfu.post(f"{self.room}/consumers", wish)).ok("consumerId", "kind", "rtpParameters")

"""A router: what is published in one room can be consumed in it, and nowhere else."""

from typing import Any, Protocol

from sfu.worker.audio_observer import AudioObserver
from sfu.worker.data_producer import DataProducer
from sfu.worker.producer import Producer
from sfu.worker.webrtc_transport import WebRtcTransport
from shared.rtp_parameters import RtpCapabilities


class RouterParent(Protocol):
    """The worker, as a router needs it."""

    def notify(self, event: str, data: dict[str, Any]) -> None:
        """Tell the control process something about one of its objects."""

    def wake_at(self, whom: "Router", when: float | None) -> None:
        """Have `handle_timeout` called at `when`, at the latest; `None`: not any more."""


class Router:
    """One room's transports and producers, and the header extension ids that all its consumers share."""

    def __init__(
        self, router_id: str, capabilities: RtpCapabilities, parent: RouterParent, *, audio_last_n: int = 0
    ) -> None:
        self.id = router_id
        self.extension_ids = {
            extension.uri: extension.preferred_id for extension in capabilities.header_extensions
        }
        self.transports: dict[str, WebRtcTransport] = {}
        self.producers: dict[str, Producer] = {}
        self.data_producers: dict[str, DataProducer] = {}
        self._parent = parent
        self._audio = AudioObserver(self, audio_last_n)

    def add_producer(self, producer: Producer) -> None:
        """Take in a producer of one of the transports."""
        self.producers[producer.id] = producer
        self._audio.add(producer)

    def add_piped(self, producer: Producer) -> None:
        """Take in a producer of another worker, where its voice is listened to."""
        self.producers[producer.id] = producer

    def remove_producer(self, producer: Producer) -> None:
        """Let a producer go."""
        del self.producers[producer.id]
        self._audio.remove(producer)

    def close(self) -> None:
        """Want no more time. The transports are closed before, by the worker."""
        self._parent.wake_at(self, None)

    def handle_timeout(self, now: float) -> None:
        """Do what is due."""
        self._audio.handle_timeout(now)

    # --- for the audio observer ---

    def wake_at(self, when: float) -> None:
        """See `AudioObserverParent`."""
        self._parent.wake_at(self, when)

    def speaker_changed(self, producer_id: str, volume: int) -> None:
        """See `AudioObserverParent`."""
        speaker = {"routerId": self.id, "producerId": producer_id, "volume": volume}
        self._parent.notify("router.activeSpeaker", speaker)

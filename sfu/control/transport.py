"""A WebRTC transport of one peer, and the producers and consumers on it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Literal

from pyee.base import EventEmitter

from sfu.control.channel import Data
from sfu.control.consumer import Consumer, ConsumerOptions
from sfu.control.data_channels import DataChannels
from sfu.control.data_consumer import DataConsumer
from sfu.control.data_producer import DataProducer
from sfu.control.limits import Limits
from sfu.control.media_worker import MediaWorker
from sfu.control.negotiation import negotiate_producer
from sfu.control.producer import Producer
from sfu.errors import CannotConsume, LimitReached, NotFound, SfuError
from sfu.ortc import fresh_ssrc
from shared.ids import new_id
from shared.logging import get_logger
from shared.rtp_parameters import MediaKind, RtpCapabilities, RtpParameters
from shared.transport_parameters import (
    DtlsParameters,
    NumSctpStreams,
    dump_dtls_parameters,
    dump_num_sctp_streams,
)

Direction = Literal["send", "recv"]
Outcome = Literal["connected", "unused", "unreached", "unsecured"]
Child = Producer | Consumer | DataProducer | DataConsumer

MAX_MIDS = 10_000
"""MIDs are decimal and at most four characters: the header extension that carries them stays short."""

NO_LAYERS: Final[Data] = {"spatialLayer": None, "temporalLayer": None}

PASSING_ICE_STATES = frozenset({"new", "checking"})
LIVE_ICE_STATES = frozenset({"connected", "completed"})
ENDED_DTLS_STATES = frozenset({"failed", "closed"})
"""No media comes or goes after these, and no way leads back: who has no other transport has gone."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """How a transport begins; without a limit the peer may send as much as its network carries."""

    enable_sctp: bool = False
    num_sctp_streams: NumSctpStreams = field(default_factory=NumSctpStreams)
    max_incoming_bitrate_bps: int | None = None


class Transport(EventEmitter):
    """Mirrors a transport of the media worker.

    `direction` is the peer's view: it sends on a `send` transport. `parameters` are the worker's answer, ready for
    the wire: iceParameters, iceCandidates, dtlsParameters, sctpParameters. `owner` has the ids for its log lines.

    Emits:
        `state` (transport): ICE, DTLS or SCTP changed state.
        `made` (): a producer or consumer is there.
        `producer-closed` (producer), `consumer-closed` (consumer): one that had been made is gone.
        `data-closed` (event, data): a data producer or consumer that had been made is gone, for the event log.
        `change` (producer or consumer, event, data): news of it for the event log, such as its score.
        `close` (transport): it is gone, and everything on it. Emitted once.
    """

    def __init__(
        self, worker: MediaWorker, direction: Direction, limits: Limits, owner: Mapping[str, str]
    ) -> None:
        super().__init__()
        self.id = new_id()
        self.direction = direction
        self.ice_state = "new"
        self.dtls_state = "new"
        self.consent_expired = False
        self.sctp_state: str | None = None
        self.changed_states: list[tuple[str, str]] = []  # by the last notification: of which protocol, to what
        self.parameters: Data = {}
        self.closed = False
        self.producers: dict[str, Producer] = {}
        self.consumers: dict[str, Consumer] = {}
        self.data = DataChannels(worker, limits, self._create)
        self.data.on("closed", partial(self.emit, "data-closed"))
        self._worker = worker
        self._limits = limits
        self._cname: str | None = None
        self._consumed: set[str] = set()  # ids of producers whose shared SSRC has been used here
        self._connect_asked = self._was_reached = self._was_secured = False
        self._next_mid = 0
        self._mids: set[str] = set()
        self._log = _log.bind(**owner, transport_id=self.id)
        worker.load += 1
        worker.on(self.id, self._notified)

    @property
    def worker(self) -> MediaWorker:
        """The worker that has it."""
        return self._worker

    @property
    def is_made(self) -> bool:
        """Tell whether the worker has made it."""
        return bool(self.parameters)

    @property
    def is_live(self) -> bool:
        """Tell whether the peer has been heard on it lately (ICE is connected) and DTLS has not ended."""
        return not self.closed and self.ice_state in LIVE_ICE_STATES and self.dtls_state not in ENDED_DTLS_STATES

    @property
    def outcome(self) -> Outcome:
        """How far it came: to SRTP's keys, or what was missing for it."""
        if self._was_secured:
            return "connected"
        if self._was_reached:
            return "unsecured"
        return "unreached" if self._connect_asked else "unused"

    async def open(self, router_id: str, options: TransportOptions) -> None:
        """Have the worker make it, and keep its parameters. On failure the transport is closed."""
        request: Data = {"routerId": router_id, "transportId": self.id, "enableSctp": options.enable_sctp}
        if options.max_incoming_bitrate_bps is not None:
            request["maxIncomingBitrate"] = options.max_incoming_bitrate_bps
        if options.enable_sctp:
            request["numSctpStreams"] = dump_num_sctp_streams(options.num_sctp_streams)
            self.sctp_state = "new"
        try:
            self.parameters = await self._ask("transport.create", request)
        except BaseException:
            self.close()
            raise
        self._check_open()
        self._log.info("transport created", direction=self.direction)

    async def connect(self, parameters: DtlsParameters) -> None:
        """Give the worker the peer's DTLS parameters.

        Raises:
            Conflict: it has them already.
        """
        wire = dump_dtls_parameters(parameters)
        await self._ask("transport.connect", {"transportId": self.id, "dtlsParameters": wire})
        self._connect_asked = True
        self._log.debug("transport connecting", remote_dtls_role=parameters.role)

    async def set_max_incoming_bitrate(self, bitrate_bps: int) -> None:
        """Ask the peer to send no more than this in all; 0 ends the limit."""
        await self._ask("transport.setMaxIncomingBitrate", {"transportId": self.id, "bitrate": bitrate_bps})

    async def restart_ice(self) -> Data:
        """Have the worker make new ICE credentials and return them, ready for the wire."""
        ice_parameters: Data = (await self._ask("transport.restartIce", {"transportId": self.id}))["iceParameters"]
        self.parameters = {**self.parameters, "iceParameters": ice_parameters}
        self._log.info("transport restarting ICE")
        return ice_parameters

    async def produce(
        self, kind: MediaKind, rtp_parameters: RtpParameters, *, paused: bool, app_data: Mapping[str, Any]
    ) -> Producer:
        """Make a producer on this transport.

        Raises:
            InvalidInput: the parameters fit neither the router nor this transport.
            LimitReached: it has too many producers.
        """
        if len(self.producers) >= self._limits.producers_per_transport:
            raise LimitReached(f"a transport has at most {self._limits.producers_per_transport} producers")
        negotiated = negotiate_producer(kind, rtp_parameters, self._cname)
        self._cname = negotiated.rtp_parameters.rtcp.cname
        producer = Producer(self._worker, new_id(), kind, negotiated, paused=paused, app_data=app_data)
        self.producers[producer.id] = producer
        producer.on("close", self._drop_producer)
        producer.on("score", self._producer_score)
        producer.on("wanted-layers", self._producer_layers)
        await self._create("producer.create", producer)
        producer.on("close", self._producer_closed)
        self.emit("made")
        self._log.info("producer created", producer_id=producer.id, kind=kind, type=producer.type)
        return producer

    async def consume(
        self, producer: Producer, capabilities: RtpCapabilities, options: ConsumerOptions
    ) -> Consumer:
        """Make a consumer of the producer on this transport.

        Raises:
            CannotConsume: the capabilities do not fit the producer.
            LimitReached: it has too many consumers.
        """
        if len(self.consumers) >= self._limits.consumers_per_transport:
            raise LimitReached(f"a transport has at most {self._limits.consumers_per_transport} consumers")
        ssrc = self._consumer_ssrc(producer)
        mid = self._take_mid()
        try:
            rtp_parameters = producer.receivers.rtp_parameters(capabilities, ssrc, mid)
        except CannotConsume:
            self._mids.discard(mid)
            raise
        consumer = Consumer(self._worker, new_id(), producer, rtp_parameters, options)
        self.consumers[consumer.id] = consumer
        consumer.on("close", self._drop_consumer)
        consumer.on("score", self._consumer_score)
        consumer.on("layers", self._consumer_layers)
        await self._create("consumer.create", consumer)
        consumer.on("close", self._consumer_closed)
        self.emit("made")
        self._log.debug("consumer created", consumer_id=consumer.id, producer_id=producer.id, kind=consumer.kind)
        return consumer

    def _consumer_ssrc(self, producer: Producer) -> int:
        """Choose the next consumer's SSRC, never one twice: no key may see a number again (RFC 7714 9.1)."""
        if producer.id in self._consumed:
            return fresh_ssrc()
        self._consumed.add(producer.id)
        return producer.consumer_ssrc

    async def stats(self) -> list[Any]:
        """Return mediasoup's stats of it."""
        answer = await self._ask("transport.stats", {"transportId": self.id})
        return list(answer.get("stats", []))

    def close(self, *, tell_worker: bool = True) -> None:
        """Close it and all on it; `tell_worker` is false when the worker closes it with its router."""
        if self.closed:
            return
        self.closed = True
        self._worker.load -= 1
        self._worker.remove_listener(self.id, self._notified)
        if tell_worker:
            self._worker.post("transport.close", {"transportId": self.id})
        self.data.close()
        for consumer in tuple(self.consumers.values()):
            consumer.close(tell_worker=False)
        for producer in tuple(self.producers.values()):
            producer.close(tell_worker=False)
        self._log.info("transport closed")
        self.emit("close", self)
        self.remove_all_listeners()  # its owners and it are freed without the collector

    async def _create(self, method: str, child: Child) -> None:
        """Have the worker make a child that is in our maps already, so that whatever closes us closes it too."""
        try:
            answer = await self._ask(method, child.to_create_request(self.id))
        except BaseException as error:
            overtaken = child.closed and not self.closed and isinstance(error, NotFound)
            child.close()
            if overtaken:
                raise _gone(child) from None
            raise
        self._check_open()
        if child.closed:
            raise _gone(child)
        child.made(answer)

    async def _ask(self, method: str, data: Mapping[str, Any]) -> Data:
        try:
            return await self._worker.request(method, data)
        except NotFound:
            raise NotFound.transport(self.id) from None

    def _check_open(self) -> None:
        if self.closed:
            raise NotFound.transport(self.id)

    def _take_mid(self) -> str:
        while (mid := str(self._next_mid)) in self._mids:
            self._next_mid = (self._next_mid + 1) % MAX_MIDS
        self._mids.add(mid)
        self._next_mid = (self._next_mid + 1) % MAX_MIDS
        return mid

    def _notified(self, event: str, data: Data) -> None:
        if event != "transport.state":
            return
        before = self._states
        self.ice_state = data.get("iceState", self.ice_state)
        self.dtls_state = data.get("dtlsState", self.dtls_state)
        self.consent_expired = bool(data.get("consentExpired"))
        self.sctp_state = data.get("sctpState", self.sctp_state)
        self.changed_states = [now for now, was in zip(self._states, before, strict=True) if now != was]
        self._was_reached |= self.ice_state in LIVE_ICE_STATES
        self._was_secured |= self.dtls_state == "connected"
        settled = self.ice_state not in PASSING_ICE_STATES and self.dtls_state != "connecting"
        self._log.log(
            logging.INFO if settled else logging.DEBUG,
            "transport state",
            ice_state=self.ice_state,
            dtls_state=self.dtls_state,
            **({"sctp_state": self.sctp_state} if self.sctp_state is not None else {}),
        )
        self.emit("state", self)

    @property
    def _states(self) -> tuple[tuple[str, str], ...]:
        return (("ice", self.ice_state), ("dtls", self.dtls_state), ("sctp", self.sctp_state or "new"))

    def _producer_score(self, producer: Producer) -> None:
        self.emit("change", producer, "producer-score", {"producerId": producer.id, "score": producer.score})

    def _producer_layers(self, producer: Producer) -> None:
        wanted = producer.wanted_layers or {}
        self.emit("change", producer, "producer-layers", {"producerId": producer.id, **wanted})

    def _consumer_score(self, consumer: Consumer) -> None:
        self._consumer_changed(consumer, "consumer-score", {"score": consumer.score})

    def _consumer_layers(self, consumer: Consumer) -> None:
        self._consumer_changed(consumer, "consumer-layers", consumer.current_layers or NO_LAYERS)

    def _consumer_changed(self, consumer: Consumer, event: str, data: Data) -> None:
        ids = {"consumerId": consumer.id, "producerId": consumer.producer.id}
        self.emit("change", consumer, event, {**ids, **data})

    def _drop_producer(self, producer: Producer) -> None:
        self.producers.pop(producer.id, None)

    def _drop_consumer(self, consumer: Consumer) -> None:
        self.consumers.pop(consumer.id, None)
        self._mids.discard(consumer.mid)

    def _producer_closed(self, producer: Producer) -> None:
        self._log.info("producer closed", producer_id=producer.id)
        self.emit("producer-closed", producer)

    def _consumer_closed(self, consumer: Consumer) -> None:
        self._log.debug("consumer closed", consumer_id=consumer.id)
        self.emit("consumer-closed", consumer)


def _gone(child: Child) -> SfuError:
    if isinstance(child, DataProducer | DataConsumer):
        return child.overtaken()
    if isinstance(child, Producer):
        return NotFound.producer(child.id)
    return NotFound.producer(child.producer.id)

"""What the worker needs from the world outside: protocols that `sfu.net` fulfils."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from sfu.rtp.lanes import Lane, LaneGroups, LaneOwner
from sfu.rtp.mapped_batch import MappedBatch, StreamNumbers
from shared.transport_parameters import IceCandidate, IceParameters, TransportTuple

DtlsRole = Literal["client", "server"]


class LinkListener(Protocol):
    """Whom a link tells what came in from its peer."""

    def on_rtp(self, packet: memoryview, length: int, now: float) -> None:
        """Take a verified RTP packet; the view is valid until the end of the batch."""

    def on_rtcp(self, packet: memoryview, now: float) -> None:
        """Take a verified compound RTCP packet; the view is valid during the call."""

    def on_state(self, ice: str, dtls: str) -> None:
        """Take note that the state of ICE or DTLS has changed."""

    def on_timeout_sooner(self) -> None:
        """Ask for the link's `next_timeout` again: it has come nearer, without a change of state."""


class DataListener(Protocol):
    """Whom the data channels of a link tell what came in."""

    def on_message(self, stream_id: int, ppid: int, data: bytes) -> int:
        """Take a whole message; `ppid` tells text from bytes (RFC 8831 section 8). Returns how many it goes to."""

    def on_data_state(self, state: str) -> None:
        """Take note of a new state, one of mediasoup's SctpState."""


class DataLink(Protocol):
    """The data channels of a link: messages on numbered streams, in both directions."""

    listener: DataListener

    @property
    def connected(self) -> bool:
        """Whether messages reach the peer now; what is sent at other times is lost."""

    @property
    def outgoing_streams(self) -> int:
        """On how many streams messages can be sent, as far as the peer has said."""

    def send(
        self,
        stream_id: int,
        ppid: int,
        data: bytes,
        *,
        ordered: bool,
        lifetime_ms: int | None,
        max_retransmits: int | None,
    ) -> bool:
        """Queue a message; `False` if too much waits already."""

    def buffered(self, stream_id: int) -> int:
        """Bytes of messages that wait to be sent on a stream."""

    def is_resetting(self, stream_id: int) -> bool:
        """Tell whether a stream cannot be used for a new channel yet."""

    def reset_stream(self, stream_id: int) -> None:
        """Drop what waits for a stream: its channel is closed."""


class Sender(Protocol):
    """The way to a peer, as far as a consumer uses it."""

    @property
    def ready(self) -> bool:
        """Whether media can be sent: the peer's address and the keys are known."""

    @property
    def may_repeat(self) -> bool:
        """Whether a number may be used twice for packets that differ in their headers.

        Never with AES-GCM, whose nonce is made of SSRC and number: who sees two packets under one nonce can forge
        more of them (RFC 7714 9.1).
        """

    def send_batch(
        self, batch: MappedBatch, numbers: StreamNumbers, first: int = 0, last: int | None = None
    ) -> bool:
        """Send packets of a batch; `False` when the peer cannot be reached."""


class BudgetedSender(Sender, Protocol):
    """A way to a peer that knows how much the peer can take."""

    def repair_room(self, now: float) -> float:
        """Return how many bytes may be sent again now; the last packet may take more than there is."""

    def repaired(self, octets: int) -> None:
        """Take note that so many bytes are sent again."""

    def lane(self, owner: LaneOwner, numbers: StreamNumbers, first: int) -> Lane | None:
        """Make a lane to this peer, from number `first` of a view on; `None` where packets have to go singly."""


class Link(Sender, Protocol):
    """One transport's protected way to its peer."""

    listener: LinkListener
    bytes_received: int
    bytes_sent: int
    transport_sequence: int
    """The transport-wide number of the next packet that has one, unwrapped."""

    @property
    def ice_parameters(self) -> IceParameters:
        """Our credentials, for the peer's checks."""

    def restart_ice(self) -> IceParameters:
        """Make new credentials for the peer's checks; all else goes on as it is."""

    @property
    def fan_out_tag(self) -> int | None:
        """Length of SRTP's tag, if its packets can go out together with those of others now."""

    @property
    def selected_tuple(self) -> TransportTuple | None:
        """The way to the peer, while ICE knows one."""

    @property
    def peer_address(self) -> object:
        """Where packets to the peer go; equal as long as that is the same way."""

    @property
    def consent_expired(self) -> bool:
        """Whether the peer is disconnected because it has been silent for the whole consent timeout."""

    @property
    def srtp_profile(self) -> str | None:
        """The name of the SRTP protection profile, once DTLS has chosen one."""

    def connect(self, role: DtlsRole, fingerprints: list[tuple[str, str]]) -> None:
        """Start DTLS in this role with a peer whose certificate has these fingerprints."""

    def open_data(self, outgoing: int, incoming: int) -> DataLink:
        """Make the data channels, with so many streams out and in; to be called before `connect`."""

    def send_rtcp(self, packet: bytes) -> bool:
        """Send a compound RTCP packet; `False` when the peer cannot be reached."""

    def forget_stream(self, ssrc: int) -> None:
        """Free what is kept of a stream that is not sent any more."""

    def close(self) -> None:
        """Close for good; safe to call twice."""

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""

    def handle_timeout(self, now: float) -> None:
        """Let time pass."""


class LinkFactory(Protocol):
    """The worker's port: makes links and knows what to tell peers about it."""

    drops: Counter[str]

    def create_link(self) -> Link:
        """Make the link of a new transport."""

    def send_lanes(self, batch: MappedBatch, groups: LaneGroups) -> list[Lane]:
        """Send a batch to many peers; returns the lanes that it could not be sent by."""

    def traffic(self) -> dict[str, Any]:
        """Count packets and bytes in and out, and drops by reason."""

    def fault(self, reason: str) -> None:
        """Count the exception that is being handled among the drops, and log it if none has been logged lately."""

    @property
    def ice_candidates(self) -> list[IceCandidate]:
        """Where peers reach this worker."""

    @property
    def certificate_fingerprint(self) -> str:
        """SHA-256 fingerprint of the DTLS certificate."""


class PipeListener(Protocol):
    """Whom the socket to another worker tells what came in."""

    def on_record(self, record: memoryview, now: float) -> None:
        """Take a record; the view is valid during the call."""

    def on_end(self) -> None:
        """Take note that the other worker is gone."""


class PipeSocket(Protocol):
    """The socket to another worker: whole records, in order, as long as the other worker reads them."""

    def send(self, record: bytes | bytearray) -> bool:
        """Send a record, which nobody changes any more; `False` if too much waits, or the other worker is gone."""

    def post(self, record: bytes) -> bool:
        """Send one that must not be lost; `False` if far too much waits already."""

    def close(self) -> None:
        """Close it; safe to call twice."""


class PipeSockets(Protocol):
    """Hands out the sockets to other workers that the control process has passed."""

    def take(self) -> Sequence[tuple[int, Callable[[PipeListener], PipeSocket]]]:
        """Return those that were passed since the last call: whose other end each is, and how to open it."""


class Timer(Protocol):
    """A call that is due at some time."""

    def cancel(self) -> None:
        """Do not make the call."""


class Clock(Protocol):
    """The event loop's clock: monotonic seconds, and calls at a given time."""

    def time(self) -> float:
        """Read the clock."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Have `callback` called at `when`."""

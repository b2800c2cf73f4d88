"""How much of everything one SFU holds. Each limit stops a broken or hostile client from filling the memory."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The most of each kind; whoever asks for one more is refused with `LIMIT_REACHED`."""

    rooms: int = 10_000
    """A machine forwards for some hundred classes; empty rooms do not exist."""
    peers: int = 50_000
    """Of all rooms together: far more than a machine can forward to, about 100 MB of bookkeeping."""
    peers_per_room: int = 2_000
    """Several times the largest class that one worker can serve."""
    transports_per_peer: int = 8
    """A peer needs two; one that renegotiates may briefly hold as many again."""
    producers_per_transport: int = 32
    """Camera, microphone, screen and its sound, each several times over."""
    consumers_per_transport: int = 4_000
    """Sound and picture of everybody in a full room. MIDs of up to four digits number them."""
    data_producers_per_transport: int = 64
    """Chat, whiteboard, files and whatever else an application puts on channels of their own."""
    data_consumers_per_transport: int = 1_000
    """Somewhat less than the SCTP streams of a transport."""

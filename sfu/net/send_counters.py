"""What a worker has sent, over UDP and TCP alike."""

from dataclasses import dataclass


@dataclass(slots=True)
class SendCounters:
    """What went out and what did not, in packets."""

    sent: int = 0
    sent_bytes: int = 0
    queue_full: int = 0
    refused: int = 0

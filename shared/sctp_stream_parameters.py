"""SCTP stream parameters of a data channel: the dataclass and its form on the wire, as mediasoup v3 has them.

Called by the SFU's HTTP edge, its control process and its media workers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError, post_load, validates_schema

from shared.wire_schema import Flag, ObjectSchema, WholeNumber

MAX_STREAM_ID = 65534
"""Stream 65535 is reserved (RFC 8832 section 6)."""
MAX_RELIABILITY = 65535
"""Milliseconds of life, or retransmissions: 16 bits in W3C's RTCDataChannelInit."""


@dataclass(frozen=True, slots=True)
class SctpStreamParameters:
    """How messages go over a stream. With neither limit they are repeated until they arrive."""

    stream_id: int
    ordered: bool = True
    max_packet_life_time: int | None = None
    max_retransmits: int | None = None

    @property
    def is_reliable(self) -> bool:
        """Tell whether every message arrives, however long it takes."""
        return self.max_packet_life_time is None and self.max_retransmits is None


class ReliabilitySchema(ObjectSchema):
    """The fields that say how messages go, wherever they stand."""

    ordered = Flag()
    max_packet_life_time = WholeNumber(0, MAX_RELIABILITY)
    max_retransmits = WholeNumber(0, MAX_RELIABILITY)

    def _counts_as_absent(self, key: str, value: Any) -> bool:
        return value is None

    @validates_schema
    def check(self, data: dict[str, Any], **_options: Any) -> None:
        """Refuse what mediasoup refuses: both limits, or order together with one. Zero does not count there."""
        lifetime, retransmits = data.get("max_packet_life_time"), data.get("max_retransmits")
        if lifetime and retransmits:
            raise ValidationError("Not together with maxPacketLifeTime.", "maxRetransmits")
        if data.get("ordered") and (lifetime or retransmits):
            raise ValidationError("Not together with maxPacketLifeTime or maxRetransmits.", "ordered")


class SctpStreamParametersSchema(ReliabilitySchema):
    """Reads and writes `SctpStreamParameters`."""

    target = SctpStreamParameters
    stream_id = WholeNumber(0, MAX_STREAM_ID, required=True)

    @post_load
    def make_target(self, data: dict[str, Any], **options: Any) -> Any:
        """Build the dataclass, unordered if nothing is said and one of the limits is given."""
        limited = bool(data.get("max_packet_life_time") or data.get("max_retransmits"))
        return super().make_target({"ordered": not limited, **data}, **options)


_SCHEMA = SctpStreamParametersSchema()


def load_sctp_stream_parameters(wire: Mapping[str, Any]) -> SctpStreamParameters:
    """Read SCTP stream parameters.

    Raises:
        marshmallow.ValidationError: with messages by field.
    """
    loaded: SctpStreamParameters = _SCHEMA.load(wire)
    return loaded


def dump_sctp_stream_parameters(parameters: SctpStreamParameters) -> dict[str, Any]:
    """Write SCTP stream parameters."""
    dumped: dict[str, Any] = _SCHEMA.dump(parameters)
    return dumped

"""ICE, DTLS and SCTP parameters of a WebRTC transport: dataclasses and their form on the wire.

Called by the SFU's control process and its media workers. Field for field as mediasoup v3 has them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from shared.wire_schema import Flag, ObjectList, ObjectSchema, Text, WholeNumber

FINGERPRINT_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
"""Hashes that may vouch for a certificate, and their lengths. SHA-1 and MD5 no longer can (RFC 8122 section 5)."""
MAX_FINGERPRINTS = 16
"""Peers send one to five."""
MAX_ICE_TEXT_BYTES = 256
"""Longest user name fragment, password or foundation (RFC 8839 section 5.4)."""
MAX_PORT = (1 << 16) - 1
MAX_PRIORITY = (1 << 32) - 1
SCTP_PORT = 5000
"""The port of every WebRTC data channel association; there is only one a transport (RFC 8831)."""
SCTP_STREAMS = 1024
"""Streams in each direction unless a transport asks for another number, as in mediasoup."""
SCTP_MAX_STREAMS = 65535
SCTP_MAX_MESSAGE_BYTES = 262144
"""Largest message that we take and forward, as browsers and mediasoup have it."""

_HEX_PAIRS = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2})*")

DtlsRole = Literal["auto", "client", "server"]


@dataclass(frozen=True, slots=True)
class IceParameters:
    """What a peer needs to authenticate its STUN requests to us (RFC 8445)."""

    username_fragment: str
    password: str
    ice_lite: bool = True


@dataclass(frozen=True, slots=True)
class IceCandidate:
    """One address of ours. `tcp_type` is `passive` with TCP (RFC 6544) and absent with UDP."""

    foundation: str
    priority: int
    ip: str
    address: str
    protocol: str
    port: int
    type: str = "host"
    tcp_type: str | None = None


@dataclass(frozen=True, slots=True)
class TransportTuple:
    """The way that media takes: our address as the peer knows it, the peer's as we see it, `udp` or `tcp`."""

    local_address: str
    local_port: int
    remote_ip: str
    remote_port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class DtlsFingerprint:
    """A certificate's fingerprint: `sha-256`, `sha-384` or `sha-512`, and upper-case hex pairs with colons."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class DtlsParameters:
    """A peer's part in the DTLS handshake. The peer that is `server` makes the other one the client."""

    fingerprints: list[DtlsFingerprint]
    role: DtlsRole = "auto"


@dataclass(frozen=True, slots=True)
class SctpParameters:
    """The SCTP association of a transport with data channels. `os` and `mis` count streams out and in."""

    port: int = SCTP_PORT
    os: int = SCTP_STREAMS
    mis: int = SCTP_STREAMS
    max_message_size: int = SCTP_MAX_MESSAGE_BYTES


@dataclass(frozen=True, slots=True)
class NumSctpStreams:
    """How many SCTP streams a transport is to have, out and in."""

    os: int = SCTP_STREAMS
    mis: int = SCTP_STREAMS


class _IceParametersSchema(ObjectSchema):
    target = IceParameters
    username_fragment = Text(MAX_ICE_TEXT_BYTES, required=True)
    password = Text(MAX_ICE_TEXT_BYTES, required=True)
    ice_lite = Flag(load_default=False)


class _IceCandidateSchema(ObjectSchema):
    target = IceCandidate
    foundation = Text(MAX_ICE_TEXT_BYTES, required=True)
    priority = WholeNumber(0, MAX_PRIORITY, required=True)
    ip = Text(required=True)
    address = Text(required=True)
    protocol = fields.Str(required=True, validate=validate.OneOf(("udp", "tcp")))
    port = WholeNumber(0, MAX_PORT, required=True)
    type = fields.Str(load_default="host", validate=validate.OneOf(("host", "srflx", "prflx", "relay")))
    tcp_type = fields.Str(validate=validate.OneOf(("passive", "active", "so")))


class _DtlsFingerprintSchema(ObjectSchema):
    target = DtlsFingerprint
    algorithm = Text(required=True)
    value = Text(required=True)

    @validates_schema
    def check(self, data: dict[str, Any], **_options: Any) -> None:
        """Refuse a value that cannot be a hash, or not one of the algorithm's length."""
        value = data["value"]
        if _HEX_PAIRS.fullmatch(value) is None:
            raise ValidationError("Not pairs of hex digits with colons between.", "value")
        length = FINGERPRINT_BYTES.get(data["algorithm"].lower())
        if length is not None and len(value) != length * 3 - 1:
            raise ValidationError(f"Not {length} bytes.", "value")

    @post_load
    def make_target(self, data: dict[str, Any], **options: Any) -> Any:
        """Build the dataclass in its canonical case."""
        canonical = {"algorithm": data["algorithm"].lower(), "value": data["value"].upper()}
        return super().make_target(canonical, **options)


class _DtlsParametersSchema(ObjectSchema):
    target = DtlsParameters
    role = fields.Str(load_default="auto", validate=validate.OneOf(("auto", "client", "server")))
    fingerprints = ObjectList(_DtlsFingerprintSchema, MAX_FINGERPRINTS, required=True)

    @post_load
    def make_target(self, data: dict[str, Any], **options: Any) -> Any:
        """Build the dataclass with the fingerprints that can be trusted, of which there must be one."""
        trusted = [entry for entry in data["fingerprints"] if entry.algorithm in FINGERPRINT_BYTES]
        if not trusted:
            raise ValidationError(f"None of them is {' or '.join(FINGERPRINT_BYTES)}.", "fingerprints")
        return super().make_target({**data, "fingerprints": trusted}, **options)


class _NumSctpStreamsSchema(ObjectSchema):
    target = NumSctpStreams
    os = WholeNumber(1, SCTP_MAX_STREAMS, data_key="OS", load_default=SCTP_STREAMS)
    mis = WholeNumber(1, SCTP_MAX_STREAMS, data_key="MIS", load_default=SCTP_STREAMS)


class _SctpParametersSchema(ObjectSchema):
    target = SctpParameters
    port = WholeNumber(0, MAX_PORT, load_default=SCTP_PORT)
    os = WholeNumber(1, SCTP_MAX_STREAMS, data_key="OS", load_default=SCTP_STREAMS)
    mis = WholeNumber(1, SCTP_MAX_STREAMS, data_key="MIS", load_default=SCTP_STREAMS)
    max_message_size = WholeNumber(1, (1 << 32) - 1, load_default=SCTP_MAX_MESSAGE_BYTES)


_ICE_PARAMETERS = _IceParametersSchema()
_ICE_CANDIDATE = _IceCandidateSchema()
_DTLS_PARAMETERS = _DtlsParametersSchema()
_NUM_SCTP_STREAMS = _NumSctpStreamsSchema()
_SCTP_PARAMETERS = _SctpParametersSchema()


def load_ice_parameters(wire: Mapping[str, Any]) -> IceParameters:
    """Read ICE parameters.

    Raises:
        marshmallow.ValidationError: with messages by field.
    """
    loaded: IceParameters = _ICE_PARAMETERS.load(wire)
    return loaded


def dump_ice_parameters(parameters: IceParameters) -> dict[str, Any]:
    """Write ICE parameters."""
    dumped: dict[str, Any] = _ICE_PARAMETERS.dump(parameters)
    return dumped


def load_ice_candidate(wire: Mapping[str, Any]) -> IceCandidate:
    """Read one ICE candidate.

    Raises:
        marshmallow.ValidationError: with messages by field.
    """
    loaded: IceCandidate = _ICE_CANDIDATE.load(wire)
    return loaded


def dump_ice_candidate(candidate: IceCandidate) -> dict[str, Any]:
    """Write one ICE candidate."""
    dumped: dict[str, Any] = _ICE_CANDIDATE.dump(candidate)
    return dumped


def load_dtls_parameters(wire: Mapping[str, Any]) -> DtlsParameters:
    """Read DTLS parameters; fingerprints of hashes that cannot be trusted are left out.

    Raises:
        marshmallow.ValidationError: with messages by field.
    """
    loaded: DtlsParameters = _DTLS_PARAMETERS.load(wire)
    return loaded


def dump_dtls_parameters(parameters: DtlsParameters) -> dict[str, Any]:
    """Write DTLS parameters."""
    dumped: dict[str, Any] = _DTLS_PARAMETERS.dump(parameters)
    return dumped


def load_num_sctp_streams(wire: Mapping[str, Any]) -> NumSctpStreams:
    """Read numbers of SCTP streams.

    Raises:
        marshmallow.ValidationError: with messages by field.
    """
    loaded: NumSctpStreams = _NUM_SCTP_STREAMS.load(wire)
    return loaded


def dump_num_sctp_streams(streams: NumSctpStreams) -> dict[str, Any]:
    """Write numbers of SCTP streams."""
    dumped: dict[str, Any] = _NUM_SCTP_STREAMS.dump(streams)
    return dumped


def load_sctp_parameters(wire: Mapping[str, Any]) -> SctpParameters:
    """Read SCTP parameters.

    Raises:
        marshmallow.ValidationError: with messages by field.
    """
    loaded: SctpParameters = _SCTP_PARAMETERS.load(wire)
    return loaded


def dump_sctp_parameters(parameters: SctpParameters) -> dict[str, Any]:
    """Write SCTP parameters."""
    dumped: dict[str, Any] = _SCTP_PARAMETERS.dump(parameters)
    return dumped

"""ICE, DTLS and SCTP parameters on the wire."""

from typing import Any

import pytest
from marshmallow import ValidationError

from shared.transport_parameters import (
    FINGERPRINT_BYTES,
    MAX_FINGERPRINTS,
    DtlsFingerprint,
    DtlsParameters,
    IceCandidate,
    IceParameters,
    SctpParameters,
    dump_dtls_parameters,
    dump_ice_candidate,
    dump_ice_parameters,
    dump_sctp_parameters,
    load_dtls_parameters,
    load_ice_candidate,
    load_ice_parameters,
    load_sctp_parameters,
)


def fingerprint(algorithm: str = "sha-256", byte: str = "AB", length: int | None = None) -> dict[str, str]:
    return {"algorithm": algorithm, "value": ":".join([byte] * (length or FINGERPRINT_BYTES[algorithm]))}


def test_ice_parameters_round_trip() -> None:
    wire = {"usernameFragment": "frag", "password": "secret", "iceLite": True}
    assert load_ice_parameters(wire) == IceParameters("frag", "secret")
    assert dump_ice_parameters(IceParameters("frag", "secret")) == wire


@pytest.mark.parametrize(
    ("candidate", "more"),
    [
        (IceCandidate("udp0", 1076302079, "192.0.2.1", "192.0.2.1", "udp", 40000), {}),
        (
            IceCandidate("tcp0", 1076276479, "::1", "::1", "tcp", 40000, tcp_type="passive"),
            {"protocol": "tcp", "ip": "::1", "address": "::1", "tcpType": "passive", "foundation": "tcp0"},
        ),
    ],
)
def test_ice_candidate_round_trip(candidate: IceCandidate, more: dict[str, Any]) -> None:
    wire = {
        "foundation": "udp0",
        "priority": candidate.priority,
        "ip": "192.0.2.1",
        "address": "192.0.2.1",
        "protocol": "udp",
        "port": 40000,
        "type": "host",
        **more,
    }
    assert dump_ice_candidate(candidate) == wire
    assert load_ice_candidate(wire) == candidate


def test_sctp_parameters_round_trip() -> None:
    wire = {"port": 5000, "OS": 1024, "MIS": 1024, "maxMessageSize": 262144}
    assert dump_sctp_parameters(SctpParameters()) == wire
    assert load_sctp_parameters({**wire, "MIS": 7}) == SctpParameters(mis=7)


def test_dtls_parameters_round_trip() -> None:
    wire = {"role": "client", "fingerprints": [fingerprint(algorithm) for algorithm in FINGERPRINT_BYTES]}
    loaded = load_dtls_parameters(wire)
    assert loaded.role == "client"
    assert [entry.algorithm for entry in loaded.fingerprints] == ["sha-256", "sha-384", "sha-512"]
    assert dump_dtls_parameters(loaded) == wire


def test_fingerprints_are_made_canonical() -> None:
    wire = {"fingerprints": [{"algorithm": "SHA-256", "value": fingerprint(byte="0f")["value"]}]}
    expected = DtlsFingerprint("sha-256", fingerprint(byte="0F")["value"])
    assert load_dtls_parameters(wire) == DtlsParameters([expected])


def test_fingerprints_of_broken_hashes_are_left_out() -> None:
    wire = {"fingerprints": [fingerprint("sha-1", length=20), fingerprint(), {"algorithm": "x", "value": "00"}]}
    assert [entry.algorithm for entry in load_dtls_parameters(wire).fingerprints] == ["sha-256"]


@pytest.mark.parametrize(
    "fingerprints",
    [
        None,
        [],
        "sha-256",
        [None],
        [{"algorithm": "sha-256"}],
        [{"value": fingerprint()["value"]}],
        [fingerprint("sha-1", length=20)],
        [fingerprint(length=31)],
        [fingerprint("sha-512", length=32)],
        [fingerprint(byte="XY")],
        [fingerprint(byte="\u0660\u0660")],
        [{"algorithm": "sha-256", "value": "AB" * 32}],
        [fingerprint()] * (MAX_FINGERPRINTS + 1),
    ],
)
def test_refused_fingerprints(fingerprints: Any) -> None:
    with pytest.raises(ValidationError) as refusal:
        load_dtls_parameters({"fingerprints": fingerprints})
    messages: Any = refusal.value.messages
    assert list(messages) == ["fingerprints"]


@pytest.mark.parametrize("role", ["master", 5, ["client"]])
def test_refused_roles(role: Any) -> None:
    with pytest.raises(ValidationError) as refusal:
        load_dtls_parameters({"fingerprints": [fingerprint()], "role": role})
    assert list(refusal.value.normalized_messages()) == ["role"]


@pytest.mark.parametrize("role", [None, ""])
def test_no_role_is_auto(role: Any) -> None:
    assert load_dtls_parameters({"fingerprints": [fingerprint()], "role": role}).role == "auto"

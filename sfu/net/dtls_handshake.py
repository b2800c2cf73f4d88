"""The beginning of a DTLS-SRTP association (RFC 5764): our certificate, and whom to expect until when.

Certificates, identity check and key export are aiortc's, without its tasks: its `RTCDtlsTransport` waits for
records in a task of its own, while here each record is a plain call in its turn. aiortc's underscored names are
used in this file and nowhere else.
"""

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
    State,
)
from OpenSSL import SSL
from pylibsrtp import Session

SRTP_PROFILES = [SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80]
"""In order of preference: GCM costs half of what AES-CM with HMAC does. Every browser has both."""

HANDSHAKE_TIMEOUT = 30.0
"""Seconds a handshake may take. A peer that does not finish it by then has gone."""

_SSL_MODE_RELEASE_BUFFERS = 0x10
"""Of OpenSSL's ssl.h: an idle connection keeps no buffers for records, which take 16 kB of memory each way."""

Role = Literal["client", "server"]


class Certificate(RTCCertificate):
    """A self-signed P-256 certificate that many transports share, with one OpenSSL context for all of them."""

    _context: SSL.Context | None = None

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
            self._context.set_mode(_SSL_MODE_RELEASE_BUFFERS)
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)  # nobody resumes: there is no ticket
            self._context.set_options(SSL.OP_NO_RENEGOTIATION)  # RFC 8827 6.5
        return self._context

    def connection(self, role: Role) -> SSL.Connection:
        """Make OpenSSL's part of an association in which we are `role`. It has done nothing yet."""
        connection = SSL.Connection(self._create_ssl_context(SRTP_PROFILES))
        if role == "server":
            connection.set_accept_state()
        else:
            connection.set_connect_state()
        return connection

    @cached_property
    def sha256_fingerprint(self) -> str:
        """The certificate's SHA-256 fingerprint: hexadecimal pairs in upper case with colons (RFC 8122 5)."""
        return next(f.value for f in self.getFingerprints() if f.algorithm == "sha-256")


class _NoIce:
    """What aiortc takes for its ICE transport. It is asked for nothing: records go by plain calls."""

    role = "controlled"
    state = "completed"


_NO_ICE: Any = _NoIce()


class Handshake:
    """What is needed until the handshake is over: whom to expect, and when to repeat or give up."""

    __slots__ = ("_deadline", "_dtls", "_loop", "_on_time", "_remote", "_timer")

    def __init__(
        self,
        role: Role,
        fingerprints: list[tuple[str, str]],
        certificate: Certificate,
        on_time: Callable[[], None],
    ) -> None:
        self._dtls = RTCDtlsTransport(_NO_ICE, [certificate])
        self._dtls._srtp_profiles = SRTP_PROFILES
        self._dtls._set_role(role)
        remote = [RTCDtlsFingerprint(algorithm, value) for algorithm, value in fingerprints]
        self._remote = RTCDtlsParameters(remote)
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + HANDSHAKE_TIMEOUT
        self._on_time = on_time
        self._timer: asyncio.Handle | None = None

    @property
    def is_over(self) -> bool:
        """Whether its time is."""
        return self._loop.time() >= self._deadline

    def wait(self, connection: SSL.Connection) -> None:
        """Call back when OpenSSL wants to repeat its flight (RFC 6347 4.2.4), and when the time is over."""
        self.cancel()
        now, repeat_after = self._loop.time(), connection.DTLSv1_get_timeout()
        when = self._deadline if repeat_after is None else min(self._deadline, now + repeat_after)
        self._timer = self._loop.call_at(when, self._on_time)

    def end(self) -> None:
        """Call back at once: its time is over."""
        self.cancel()
        self._deadline = self._loop.time()
        self._timer = self._loop.call_soon(self._on_time)

    def cancel(self) -> None:
        """Do not call back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def finish(self, connection: SSL.Connection) -> tuple[str, Session, Session] | None:
        """Verify who the peer is, and only then export the keys: the profile, theirs and ours."""
        dtls: Any = self._dtls  # whose state mypy takes for what it was
        dtls._ssl = connection
        dtls._validate_peer_identity(self._remote)
        if dtls._state is not State.FAILED:
            dtls._setup_srtp()
        dtls._ssl = None
        if dtls._state is State.FAILED:
            return None
        return connection.get_selected_srtp_profile().decode(), dtls._rx_srtp, dtls._tx_srtp

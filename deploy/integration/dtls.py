"""A DTLS client over memory buffers that ends in SRTP keys (RFC 5764)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from deploy.integration.checks import CheckFailed

SRTP_PROFILE = b"SRTP_AEAD_AES_128_GCM"
_CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
_KEY_SIZE, _SALT_SIZE = 16, 12
_RECORD_HEADER = 13
_MTU = 1200


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Master key and salt, one after the other, of each direction."""

    send: bytes
    receive: bytes


@cache
def _context() -> tuple[SSL.Context, str]:
    """Make the context and certificate of this process, and its SHA-256 fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "integration")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    context = SSL.Context(SSL.DTLS_METHOD)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    context.set_verify(SSL.VERIFY_PEER, lambda *_: True)  # the fingerprint vouches for it, see `_finish`
    context.set_cipher_list(_CIPHERS)
    context.set_tlsext_use_srtp(SRTP_PROFILE)
    return context, certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def local_parameters() -> dict[str, Any]:
    """Return our `dtlsParameters`, which the other side has to be told."""
    return {"role": "client", "fingerprints": [{"algorithm": "sha-256", "value": _context()[1]}]}


class DtlsClient:
    """One connection: feed it datagrams and send what `outgoing` yields, until `keys` is there.

    `announced` is the SHA-256 fingerprint that the server's certificate has to have.
    """

    def __init__(self, announced: str) -> None:
        self.keys: SrtpKeys | None = None
        self._announced = announced.upper()
        self._ssl = SSL.Connection(_context()[0], None)
        self._ssl.set_ciphertext_mtu(_MTU)
        self._ssl.set_connect_state()

    def advance(self, datagram: bytes = b"") -> None:
        """Take a datagram, if one came, and go on. Raises: CheckFailed."""
        if datagram:
            self._ssl.bio_write(datagram)
        try:
            if self.keys is None:
                self._ssl.do_handshake()
                self.keys = self._finish()
            else:
                self._ssl.recv(_MTU)
        except (SSL.WantReadError, SSL.ZeroReturnError):
            return
        except SSL.Error as error:
            raise CheckFailed(f"the DTLS handshake failed: {error}") from None

    def repeat(self) -> None:
        """Send a flight again if its time has come (RFC 6347 section 4.2.4). Raises: CheckFailed."""
        try:
            self._ssl.DTLSv1_handle_timeout()
        except SSL.Error as error:
            raise CheckFailed(f"the DTLS handshake was repeated in vain: {error}") from None

    def farewell(self) -> None:
        """End the connection; `outgoing` has the record."""
        if self.keys is not None:
            self._ssl.shutdown()

    def outgoing(self) -> Iterator[bytes]:
        """Take what is to be sent, a record a datagram."""
        try:
            data = self._ssl.bio_read(1 << 16)
        except SSL.WantReadError:
            return
        while data:
            size = _RECORD_HEADER + int.from_bytes(data[11:13], "big")
            yield data[:size]
            data = data[size:]

    def _finish(self) -> SrtpKeys:
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        seen = certificate.fingerprint(hashes.SHA256()).hex(":").upper() if certificate is not None else "none"
        if seen != self._announced:
            raise CheckFailed("the certificate that DTLS showed is not the one of dtlsParameters")
        if self._ssl.get_selected_srtp_profile() != SRTP_PROFILE:
            raise CheckFailed(f"DTLS did not agree on {SRTP_PROFILE.decode()}")
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (_KEY_SIZE + _SALT_SIZE))
        keys, salts = material[: 2 * _KEY_SIZE], material[2 * _KEY_SIZE :]
        return SrtpKeys(keys[:_KEY_SIZE] + salts[:_SALT_SIZE], keys[_KEY_SIZE:] + salts[_SALT_SIZE:])

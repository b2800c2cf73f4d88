"""A DTLS endpoint over memory buffers that ends in SRTP keys (RFC 5764), by pyOpenSSL."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from tests.bench.servers.base import Profile

SRTP_NAMES: dict[Profile, bytes] = {"gcm": b"SRTP_AEAD_AES_128_GCM", "cm": b"SRTP_AES128_CM_SHA1_80"}
SALT_SIZES: dict[Profile, int] = {"gcm": 12, "cm": 14}

_KEY_SIZE = 16
_RECORD_HEADER = 13
_MTU = 1200


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Master key and salt, one after the other, of each direction."""

    send: bytes
    receive: bytes


@cache
def _context(profile: Profile) -> tuple[SSL.Context, str]:
    """Make the context and certificate that all endpoints of a process share, and its SHA-256 fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    context = SSL.Context(SSL.DTLS_METHOD)
    context.use_certificate(certificate)
    context.use_privatekey(key)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    context.set_cipher_list(b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
    context.set_tlsext_use_srtp(SRTP_NAMES[profile])
    return context, certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def fingerprint(profile: Profile) -> str:
    """Return the SHA-256 fingerprint of this process's certificate."""
    return _context(profile)[1]


class DtlsError(Exception):
    """The handshake failed; the message says how."""


class Dtls:
    """One connection. Feed it records, send what `outgoing` returns, until `keys` is there.

    `fingerprints` are those that the peer may have, as pairs of algorithm and value.
    """

    def __init__(self, profile: Profile, *, is_client: bool, fingerprints: list[tuple[str, str]]) -> None:
        self.keys: SrtpKeys | None = None
        self._profile: Profile = profile
        self._is_client = is_client
        self._fingerprints = {(algorithm.lower(), value.upper()) for algorithm, value in fingerprints}
        self._ssl = SSL.Connection(_context(profile)[0], None)
        self._ssl.set_ciphertext_mtu(_MTU)
        if is_client:
            self._ssl.set_connect_state()
        else:
            self._ssl.set_accept_state()

    def advance(self, records: bytes = b"") -> None:
        """Take a received datagram, if there is one, and go on. Raises: DtlsError."""
        if records:
            self._ssl.bio_write(records)
        try:
            if self.keys is None:
                self._ssl.do_handshake()
                self.keys = self._finish()
            else:
                self._ssl.recv(_MTU)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            raise DtlsError("closed by the server") from None
        except SSL.Error as error:
            raise DtlsError(f"DTLS: {error}") from None

    def close(self) -> None:
        """Say farewell; `outgoing` has the record."""
        if self.keys is not None:
            self._ssl.shutdown()

    def outgoing(self) -> list[bytes]:
        """Take what is to be sent, whole records packed into datagrams."""
        try:
            data = self._ssl.bio_read(1 << 16)
        except SSL.WantReadError:
            return []
        return packed(data)

    def _finish(self) -> SrtpKeys:
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            raise DtlsError("the server showed no certificate")
        ours = {("sha-256", certificate.fingerprint(hashes.SHA256()).hex(":").upper())}
        known = {pair for pair in self._fingerprints if pair[0] == "sha-256"}
        if known and not ours & known:
            raise DtlsError("the server's certificate is not the one it announced")
        if self._ssl.get_selected_srtp_profile() != SRTP_NAMES[self._profile]:
            raise DtlsError("the server did not take the SRTP profile")
        salt = SALT_SIZES[self._profile]
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (_KEY_SIZE + salt))
        keys, salts = material[: 2 * _KEY_SIZE], material[2 * _KEY_SIZE :]
        client, server = keys[:_KEY_SIZE] + salts[:salt], keys[_KEY_SIZE:] + salts[salt:]
        return SrtpKeys(client, server) if self._is_client else SrtpKeys(server, client)


def packed(data: bytes) -> list[bytes]:
    """Cut a run of records into datagrams of at most the MTU, never within a record."""
    datagrams: list[bytes] = []
    at = 0
    while at < len(data):
        size = _RECORD_HEADER + int.from_bytes(data[at + 11 : at + 13], "big")
        record = data[at : at + size]
        if datagrams and len(datagrams[-1]) + size <= _MTU:
            datagrams[-1] += record
        else:
            datagrams.append(record)
        at += size
    return datagrams

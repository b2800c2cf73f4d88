"""Two ends of DTLS, and how records become datagrams."""

import pytest

from tests.bench.load.dtls import Dtls, DtlsError, fingerprint, packed
from tests.bench.servers.base import Profile


def shake_hands(client: Dtls, server: Dtls) -> None:
    client.advance()
    for _ in range(10):
        for sender, receiver in ((client, server), (server, client)):
            for datagram in sender.outgoing():
                receiver.advance(datagram)


@pytest.mark.parametrize("profile", ["gcm", "cm"])
def test_both_ends_come_to_the_same_keys(profile: Profile) -> None:
    known = [("sha-256", fingerprint(profile))]
    client = Dtls(profile, is_client=True, fingerprints=known)
    server = Dtls(profile, is_client=False, fingerprints=known)
    shake_hands(client, server)
    assert client.keys is not None
    assert server.keys is not None
    assert (client.keys.send, client.keys.receive) == (server.keys.receive, server.keys.send)


def test_another_certificate_is_refused() -> None:
    client = Dtls("gcm", is_client=True, fingerprints=[("sha-256", ":".join(["AB"] * 32))])
    server = Dtls("gcm", is_client=False, fingerprints=[])
    with pytest.raises(DtlsError, match="not the one it announced"):
        shake_hands(client, server)


def test_records_are_packed_whole() -> None:
    records = [b"\x16\xfe\xfd" + bytes(8) + size.to_bytes(2, "big") + bytes(size) for size in (500, 600, 300, 20)]
    assert packed(b"".join(records)) == [records[0] + records[1], records[2] + records[3]]
    assert packed(b"") == []

"""Session descriptions: what we offer and accept is read back as it was meant."""

import pytest

from tests.bench.servers import sdp
from tests.bench.servers.base import AUDIO_LEVEL, MID, TRANSPORT_CC, LocalTransport, Track

LOCAL = LocalTransport("abcd", "secret-secret-secret-sec", "sha-256", "AA:BB", "127.0.0.1", 40001)
AUDIO = Track("audio", 11, 111, "0", 48000, extensions={MID: 4, AUDIO_LEVEL: 10})
VIDEO = Track(
    "video",
    22,
    96,
    "1",
    90000,
    rtx_ssrc=23,
    rtx_payload_type=97,
    extensions={MID: 4, TRANSPORT_CC: 3},
    transport_cc=True,
)


def test_an_offer_says_what_is_sent_and_from_where() -> None:
    offered = sdp.offer(LOCAL, [AUDIO, VIDEO])

    assert sdp.sent_tracks(offered) == [AUDIO, VIDEO]
    remote = sdp.remote_transport(offered)
    assert (remote.host, remote.port, remote.dtls_role) == ("127.0.0.1", 40001, "client")
    assert (remote.ice_ufrag, remote.ice_pwd, remote.fingerprints) == (
        LOCAL.ice_ufrag,
        LOCAL.ice_pwd,
        (("sha-256", "AA:BB"),),
    )


def test_an_offer_to_receive_names_no_source() -> None:
    offered = sdp.offer(LOCAL, [AUDIO, VIDEO], "recvonly")

    assert sdp.sent_tracks(offered) == []
    assert "a=ssrc" not in offered


def test_an_answer_accepts_every_section_with_its_codecs_and_extensions() -> None:
    answered = sdp.answer(LOCAL, sdp.offer(LOCAL, [AUDIO, VIDEO]))

    assert "a=group:BUNDLE 0 1" in answered
    assert answered.count("a=recvonly") == 2
    assert "a=fmtp:97 apt=96" in answered
    assert f"a=extmap:3 {TRANSPORT_CC}" in answered
    assert "a=ssrc" not in answered


def test_a_candidate_is_the_first_one_for_udp_over_ipv4() -> None:
    offered = sdp.offer(LOCAL, [AUDIO])
    others = "a=candidate:7 1 tcp 5 10.0.0.1 9 typ host\r\na=candidate:8 1 udp 5 fd00::1 50 typ host\r\n"

    assert sdp.remote_transport(offered.replace("a=candidate", others + "a=candidate", 1)).port == 40001


@pytest.mark.parametrize("missing", ["a=candidate", "a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup"])
def test_a_description_without_a_transport_is_refused(missing: str) -> None:
    lines = [line for line in sdp.offer(LOCAL, [AUDIO]).splitlines() if not line.startswith(missing)]

    with pytest.raises(ValueError, match="the description"):
        sdp.remote_transport("\r\n".join(lines))

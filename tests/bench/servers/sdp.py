"""Session descriptions for servers that speak SDP: offers of an endpoint's tracks, answers to what is offered.

Only what two real WebRTC ends need of RFC 8866 and RFC 9429: one bundled transport, rtcp-mux, no trickling. What
an offer names is accepted as it stands, so an answer repeats its codecs, feedback and header extensions.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, cast

from tests.bench.servers.base import TRANSPORT_CC, DtlsRole, Kind, LocalTransport, RemoteTransport, Track

Direction = Literal["sendonly", "recvonly"]

_RTPMAP = {"audio": "opus/48000/2", "video": "VP8/90000"}
_FMTP = {"audio": "minptime=10;useinbandfec=1"}
_FEEDBACK = {
    "audio": ("transport-cc",),
    "video": ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"),
}
"""As Chromium offers them."""
_ACCEPTED = ("a=rtpmap:", "a=fmtp:", "a=rtcp-fb:", "a=extmap:", "a=mid:", "a=rtcp-mux", "a=rtcp-rsize")
"""What an answer repeats of the offer's section: browsers accept all of it as well."""
_SETUP = {"client": "active", "server": "passive", "auto": "actpass"}
_ROLE: dict[str, DtlsRole] = {"active": "client", "passive": "server", "actpass": "auto"}


def offer(local: LocalTransport, tracks: Sequence[Track], direction: Direction = "sendonly") -> str:
    """Offer to send these tracks, or to receive such ones."""
    body: list[str] = []
    for track in tracks:
        payload_types = [track.payload_type]
        if track.rtx_payload_type is not None:
            payload_types.append(track.rtx_payload_type)
        body.append(_media_line(track.kind, local.port, " ".join(map(str, payload_types))))
        body += _transport_lines(local)
        body += [f"a={direction}", f"a=mid:{track.mid}", "a=rtcp-mux", "a=rtcp-rsize"]
        body += [f"a=extmap:{number} {uri}" for uri, number in track.extensions.items()]
        body += _codec_lines(track)
        if direction == "sendonly":
            body += _source_lines(track)
    return _description(local, [track.mid for track in tracks], body)


def answer(local: LocalTransport, offered: str) -> str:
    """Accept to receive all that `offered` sends."""
    body: list[str] = []
    mids: list[str] = []
    for section in _sections(offered):
        kind, _, _, formats = section[0][2:].split(" ", 3)
        accepted = [line for line in section if line.startswith(_ACCEPTED)]
        mids.append(_first(accepted, "a=mid:"))
        body += [_media_line(kind, local.port, formats), *_transport_lines(local), "a=recvonly", *accepted]
    return _description(local, mids, body)


def remote_transport(description: str) -> RemoteTransport:
    """Read the one transport of a description.

    Raises: ValueError when it names no IPv4 candidate for UDP, no fingerprint or no ICE credentials.
    """
    lines = description.splitlines()
    host, port = _udp_candidate(lines)
    algorithm, value = _first(lines, "a=fingerprint:").split(" ", 1)
    return RemoteTransport(
        ice_ufrag=_first(lines, "a=ice-ufrag:"),
        ice_pwd=_first(lines, "a=ice-pwd:"),
        host=host,
        port=port,
        fingerprints=((algorithm.lower(), value),),
        dtls_role=_ROLE[_first(lines, "a=setup:")],
    )


def sent_tracks(description: str) -> list[Track]:
    """Read the streams that the other side will send, one a section."""
    return [_track(section) for section in _sections(description) if "a=recvonly" not in section]


def _description(local: LocalTransport, mids: Sequence[str], body: Sequence[str]) -> str:
    head = ["v=0", f"o=- 1 1 IN IP4 {local.host}", "s=-", "t=0 0"]
    head += ["a=group:BUNDLE " + " ".join(mids), "a=msid-semantic: WMS *"]
    return "\r\n".join([*head, *body, ""])


def _media_line(kind: str, port: int, formats: str) -> str:
    return f"m={kind} {port} UDP/TLS/RTP/SAVPF {formats}"


def _transport_lines(local: LocalTransport) -> list[str]:
    return [
        f"c=IN IP4 {local.host}",
        f"a=candidate:1 1 udp 2130706431 {local.host} {local.port} typ host",
        "a=end-of-candidates",
        f"a=ice-ufrag:{local.ice_ufrag}",
        f"a=ice-pwd:{local.ice_pwd}",
        f"a=fingerprint:{local.fingerprint_algorithm} {local.fingerprint}",
        f"a=setup:{_SETUP[local.dtls_role]}",
    ]


def _codec_lines(track: Track) -> Iterator[str]:
    number = track.payload_type
    yield f"a=rtpmap:{number} {_RTPMAP[track.kind]}"
    if track.kind in _FMTP:
        yield f"a=fmtp:{number} {_FMTP[track.kind]}"
    yield from (f"a=rtcp-fb:{number} {feedback}" for feedback in _FEEDBACK[track.kind])
    if track.rtx_payload_type is not None:
        yield f"a=rtpmap:{track.rtx_payload_type} rtx/{track.clock_rate}"
        yield f"a=fmtp:{track.rtx_payload_type} apt={number}"


def _source_lines(track: Track) -> Iterator[str]:
    yield f"a=msid:bench track{track.mid}"
    ssrcs = [track.ssrc]
    if track.rtx_ssrc is not None:
        ssrcs.append(track.rtx_ssrc)
        yield f"a=ssrc-group:FID {track.ssrc} {track.rtx_ssrc}"
    yield from (f"a=ssrc:{ssrc} cname:bench{track.ssrc}" for ssrc in ssrcs)


def _sections(description: str) -> list[list[str]]:
    sections: list[list[str]] = []
    for line in description.splitlines():
        if line.startswith("m="):
            sections.append([])
        if sections and line:
            sections[-1].append(line)
    return sections


def _udp_candidate(lines: Sequence[str]) -> tuple[str, int]:
    for line in lines:
        if line.startswith("a=candidate:"):
            fields = line.split(" ")
            if fields[2].lower() == "udp" and ":" not in fields[4]:
                return fields[4], int(fields[5])
    raise ValueError("the description names no IPv4 candidate for UDP")


def _first(lines: Sequence[str], prefix: str) -> str:
    for line in lines:
        if line.startswith(prefix):
            return line[len(prefix) :].strip()
    raise ValueError(f"the description has no {prefix} line")


def _track(section: Sequence[str]) -> Track:
    kind, _, _, *formats = section[0][2:].split(" ")
    ssrcs = list(dict.fromkeys(int(line[7:].split(" ")[0]) for line in section if line.startswith("a=ssrc:")))
    extensions = _extensions(section)
    has_rtx = len(ssrcs) > 1 and len(formats) > 1
    return Track(
        kind=cast("Kind", kind),
        ssrc=ssrcs[0],
        payload_type=int(formats[0]),
        mid=_first(section, "a=mid:"),
        clock_rate=int(_first(section, f"a=rtpmap:{formats[0]} ").split("/")[1]),
        rtx_ssrc=ssrcs[1] if has_rtx else None,
        rtx_payload_type=int(formats[1]) if has_rtx else None,
        extensions=extensions,
        transport_cc=TRANSPORT_CC in extensions and f"a=rtcp-fb:{formats[0]} transport-cc" in section,
    )


def _extensions(section: Sequence[str]) -> dict[str, int]:
    maps = [line[9:].split(" ") for line in section if line.startswith("a=extmap:")]
    return {uri: int(number.split("/")[0]) for number, uri, *_ in maps}

"""A WebRTC endpoint without codecs, ICE, DTLS and SRTP over UDP or TCP, for tests that watch packets."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from aioice import stun
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    SRTPProtectionProfile,
)
from pylibsrtp import Error as SrtpError

from tests.support.media_paths import Path, open_path

CHECK_INTERVAL_S = 1.0
CONNECT_TIMEOUT_S = 10.0


class _Records:
    """The ICE transport that aiortc's DTLS is given."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.role = "controlling"
        self.state = "completed"
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._send_now = send

    async def _recv(self) -> bytes:
        return await self.queue.get()

    async def _send(self, data: bytes) -> None:
        self._send_now(data)


class MediaPeer:
    """The peer's side of one WebRTC transport. It sends by `path`, and hears on all that it has opened.

    `rtp` and `rtcp` collect what came in, decrypted; set `on_rtp` to watch packets as they come.
    """

    def __init__(self, profiles: list[SRTPProtectionProfile] | None = None, role: str = "client") -> None:
        self.username_fragment = secrets.token_hex(4)
        self.certificate = RTCCertificate.generateCertificate()
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.on_rtp: Callable[[bytes], None] | None = None
        self.answers: asyncio.Queue[stun.Message] = asyncio.Queue()
        self.role = role
        self._profiles = profiles or [SRTP_AEAD_AES_128_GCM]
        self.ice: Mapping[str, Any] = {}
        self.heard_by: Path | None = None
        self._paths: list[Path] = []
        self._candidates: list[dict[str, Any]] = []
        self._checks: asyncio.Task[None] | None = None
        self._records = _Records(self.send_raw)
        self._dtls = RTCDtlsTransport(self._records, [self.certificate])  # type: ignore[arg-type]
        self._dtls._srtp_profiles = self._profiles
        self._dtls._set_role(role)

    @property
    def dtls_parameters(self) -> dict[str, Any]:
        """What the other side has to know of us."""
        sha256 = self.certificate.getFingerprints()[0]
        return {
            "role": self.role,
            "fingerprints": [{"algorithm": sha256.algorithm, "value": sha256.value}],
        }

    @property
    def srtp_profile(self) -> str:
        """The profile that DTLS has chosen."""
        profile: bytes = self._dtls._ssl.get_selected_srtp_profile()  # type: ignore[union-attr]
        return profile.decode()

    @property
    def path(self) -> Path:
        """The way that it sends by."""
        return self._paths[-1]

    async def open(self, offered: Mapping[str, Any], local_ip: str = "127.0.0.1", protocol: str = "udp") -> None:
        """Open a way towards a transport as the SFU's API describes it."""
        self._candidates = offered["iceCandidates"]
        self.ice = offered["iceParameters"]
        await self.move(local_ip, protocol)

    async def move(self, local_ip: str = "127.0.0.1", protocol: str = "udp") -> Path:
        """Open another way, as after a change of network, and send by it from now on; others stay open."""
        candidate = next(
            one
            for one in self._candidates
            if one["protocol"] == protocol and (":" in one["ip"]) == (":" in local_ip)
        )
        self._paths.append(await open_path(candidate, local_ip, self._received))
        return self.path

    def send_by(self, path: Path) -> None:
        """Send by a way that has been opened before."""
        self._paths.remove(path)
        self._paths.append(path)

    def stop_checking(self) -> None:
        """Send no checks by itself any more."""
        assert self._checks is not None
        self._checks.cancel()

    async def connect(self, offered: Mapping[str, Any]) -> None:
        """Do ICE and DTLS; the other side must have our `dtls_parameters` by now or soon."""
        if not self._paths:
            await self.open(offered)
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await self.check()
            self._checks = asyncio.create_task(self._keep_checking())
            fingerprints = [
                RTCDtlsFingerprint(entry["algorithm"], entry["value"])
                for entry in offered["dtlsParameters"]["fingerprints"]
            ]
            await self._dtls.start(RTCDtlsParameters(fingerprints))
        assert self._dtls.state == "connected", self._dtls.state

    def binding_request(self, *, nominate: bool = True, password: str | None = None) -> bytes:
        """Build a connectivity check."""
        message = stun.Message(
            stun.Method.BINDING,
            stun.Class.REQUEST,
            attributes={
                "USERNAME": f"{self.ice['usernameFragment']}:{self.username_fragment}",
                "PRIORITY": 1853824767,
                "ICE-CONTROLLING": 1,
            },
        )
        if nominate:
            message.attributes["USE-CANDIDATE"] = None
        message.add_message_integrity((password or self.ice["password"]).encode())
        return bytes(message)

    async def check(self, *, nominate: bool = True) -> stun.Message:
        """Send a check until it is answered."""
        request = self.binding_request(nominate=nominate)
        while True:
            self.send_raw(request)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    while (answer := await self.answers.get()).transaction_id != request[8:20]:
                        pass
                    return answer

    def send_rtp(self, packet: bytes) -> None:
        """Protect and send an RTP packet."""
        self.send_raw(self._dtls._tx_srtp.protect(packet))

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send an RTCP packet."""
        self.send_raw(self._dtls._tx_srtp.protect_rtcp(packet))

    def send_raw(self, data: bytes) -> None:
        """Send a packet as it is."""
        self.path.send(data)

    async def close(self, *, politely: bool = True) -> None:
        """Close all ways, telling the other side or not."""
        if self._checks is not None:
            self._checks.cancel()
        if politely and self._dtls._ssl is not None:
            await self._dtls.stop()
        elif self._dtls._task is not None:
            self._dtls._task.cancel()
        for path in self._paths:
            path.close()

    def _received(self, data: bytes, path: Path) -> None:
        self.heard_by = path
        first = data[0]
        if first < 4:
            self.answers.put_nowait(stun.parse_message(data))
        elif 20 <= first < 64:
            self._records.queue.put_nowait(data)
        elif self._dtls._rx_srtp is not None:
            self.receive_srtp(data)

    def receive_srtp(self, data: bytes) -> None:
        """Take a protected RTP or RTCP packet."""
        with contextlib.suppress(SrtpError):
            if 192 <= data[1] <= 223:
                self.rtcp.append(self._dtls._rx_srtp.unprotect_rtcp(data))
                return
            packet = self._dtls._rx_srtp.unprotect(data)
            if self.on_rtp is None:
                self.rtp.append(packet)
            else:
                self.on_rtp(packet)

    async def _keep_checking(self) -> None:
        while True:
            await asyncio.sleep(CHECK_INTERVAL_S)
            self.send_raw(self.binding_request())


@contextlib.asynccontextmanager
async def media_peer(**options: Any) -> AsyncIterator[MediaPeer]:
    """Make a peer and close it in the end."""
    peer = MediaPeer(**options)
    try:
        yield peer
    finally:
        await peer.close()

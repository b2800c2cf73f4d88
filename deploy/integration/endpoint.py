"""The client's side of one WebRTC transport without codecs: ICE, DTLS and SRTP over UDP or TCP."""

import asyncio
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pylibsrtp import Error as SrtpError
from pylibsrtp import Policy, Session

from deploy.integration import rtp
from deploy.integration.checks import CheckFailed, require
from deploy.integration.dtls import DtlsClient
from deploy.integration.ways import Way, open_way
from deploy.probes.stun import Check, new_check

CHECK_EVERY_S = 0.4
"""Consent checks: often enough for the shortest PEER_TIMEOUT_S there is, a second."""

REPEAT_EVERY_S = 0.1
"""How often is looked at what has to be sent again while it connects."""

MAX_RECEIVED = 10_000
"""Packets kept at most; a check sends some hundred."""


class Endpoint:
    """Connects to a transport as the SFU describes it (`offered`), then sends and receives RTP.

    `packets` are those that came in, decrypted. Close it in every case, with a farewell or as if cut off.
    """

    def __init__(self, offered: Mapping[str, Any], protocol: str) -> None:
        self.packets: list[rtp.Packet] = []
        self._arrived = asyncio.Event()
        self._candidates = [one for one in offered["iceCandidates"] if one["protocol"] == protocol]
        self._ice = offered["iceParameters"]
        self._dtls = DtlsClient(_sha256(offered["dtlsParameters"]))
        self._protocol = protocol
        self._ways: list[Way] = []
        self._selected: Way | None = None
        self._checks: dict[bytes, Check] = {}
        self._send_srtp: Session | None = None
        self._receive_srtp: Session | None = None
        self._consent: asyncio.Task[None] | None = None
        self._trouble: CheckFailed | None = None

    async def connect(self, timeout: float) -> None:  # noqa: ASYNC109 - two stages, each told of by name
        """Do ICE and DTLS, after the SFU was told `dtls.local_parameters()`. Raises: CheckFailed, in words."""
        await self._stage(self._find_way(), timeout, f"no answer to ICE checks by {self._where()}")
        await self._stage(self._shake_hands(), timeout, "ICE is connected, but DTLS did not come to its end")

    def send(self, packet: bytes) -> None:
        """Protect and send an RTP packet."""
        if self._send_srtp is None or self._selected is None:
            raise AssertionError("not connected")
        self._selected.send(self._send_srtp.protect(packet))

    async def wait_for_packet(self) -> None:
        """Wait until something more has come in."""
        self._arrived.clear()
        await self._arrived.wait()

    def close(self, *, politely: bool = True) -> None:
        """Close all ways, with DTLS's farewell or without a word."""
        if self._consent is not None:
            self._consent.cancel()
        if politely and self._selected is not None:
            self._dtls.farewell()
            self._flush()
        for way in self._ways:
            way.close()

    async def _stage(self, steps: Any, timeout: float, sentence: str) -> None:  # noqa: ASYNC109 - see `connect`
        try:
            async with asyncio.timeout(timeout):
                await steps
        except TimeoutError:
            raise CheckFailed(f"{sentence} within {timeout:g} s") from None

    def _where(self) -> str:
        found = ", ".join(f"{one.get('address') or one['ip']}:{one['port']}" for one in self._candidates)
        return f"{self._protocol.upper()} from {found} (deploy/probes/media.py says more)"

    async def _find_way(self) -> None:
        opening = [asyncio.create_task(self._open(candidate)) for candidate in self._candidates]
        try:
            while self._selected is None:
                for way in self._ways:
                    self._check(way, nominate=False)
                await asyncio.sleep(REPEAT_EVERY_S)
                nothing_to_wait_for = not self._ways and all(task.done() for task in opening)
                require(not nothing_to_wait_for, f"cannot connect by {self._where()}")
        finally:
            for task in opening:
                task.cancel()
        self._consent = asyncio.create_task(self._keep_checking(self._selected))

    async def _open(self, candidate: Mapping[str, Any]) -> None:
        with suppress(OSError):
            self._ways.append(await open_way(candidate, self._received))

    async def _shake_hands(self) -> None:
        self._dtls.advance()
        while self._dtls.keys is None:
            self._dtls.repeat()
            self._flush()
            self._arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(REPEAT_EVERY_S):
                    await self._arrived.wait()
            if self._trouble is not None:
                raise self._trouble
        self._flush()
        self._send_srtp = _session(self._dtls.keys.send, Policy.SSRC_ANY_OUTBOUND)
        self._receive_srtp = _session(self._dtls.keys.receive, Policy.SSRC_ANY_INBOUND)

    async def _keep_checking(self, way: Way) -> None:
        while True:
            self._check(way, nominate=True)
            await asyncio.sleep(CHECK_EVERY_S)

    def _check(self, way: Way, *, nominate: bool) -> None:
        check = new_check(self._ice["usernameFragment"], self._ice["password"], nominate=nominate)
        self._checks[check.request[8:20]] = check
        way.send(check.request)

    def _flush(self) -> None:
        if self._selected is not None:
            for record in self._dtls.outgoing():
                self._selected.send(record)

    def _received(self, data: bytes, way: Way) -> None:
        kind = data[0] if data else 255  # RFC 7983
        if kind < 4:
            check = self._checks.pop(data[8:20], None)
            if check is not None and check.is_answered_by(data):
                self._selected = self._selected or way
        elif 20 <= kind < 64:
            self._take_record(data)
        elif self._receive_srtp is not None and not rtp.is_rtcp(data):
            self._take_media(data, self._receive_srtp)

    def _take_record(self, data: bytes) -> None:
        try:
            self._dtls.advance(data)
        except CheckFailed as failure:
            self._trouble = failure
        self._flush()
        self._arrived.set()

    def _take_media(self, data: bytes, srtp: Session) -> None:
        with suppress(SrtpError, ValueError, struct.error):
            packet = rtp.parse(srtp.unprotect(data))
            if packet.payload and len(self.packets) < MAX_RECEIVED:
                self.packets.append(packet)
                self._arrived.set()


def _sha256(parameters: Mapping[str, Any]) -> str:
    found = [str(one["value"]) for one in parameters["fingerprints"] if one["algorithm"] == "sha-256"]
    require(found, "dtlsParameters has no sha-256 fingerprint")
    return found[0]


def _session(key: bytes, direction: int) -> Session:
    return Session(Policy(key=key, ssrc_type=direction, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM))

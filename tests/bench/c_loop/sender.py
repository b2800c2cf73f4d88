"""The process in which the C loop runs: `python -m tests.bench.c_loop.sender LIBRARY` reads what to do from stdin.

stdin: `{"ports", "host", "profile", "packets", "size", "frames", "interval_ns"}`; stdout: `{"cpu_s", "wall_s",
"refused"}`.
"""

import json
import os
import socket
import struct
import sys
from typing import Any

from cffi import FFI
from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi as srtp_ffi
from pylibsrtp._binding import lib

from tests.bench.load.dtls import SALT_SIZES
from tests.bench.load.srtp import PROFILES
from tests.bench.servers.base import Profile

TAG_SIZES: dict[Profile, int] = {"gcm": 16, "cm": 10}
FIRST_SSRC = 9000
SEND_BUFFER = 8 << 20
SO_SNDBUFFORCE = 32

_ffi = FFI()
_ffi.cdef(
    """
    struct consumer { void *session; uint32_t ssrc; uint16_t sequence; uint16_t port; };
    struct job {
        void *protect; struct consumer *consumers;
        int32_t consumer_count; int32_t packets; int32_t packet_size; int32_t stride;
        uint8_t *source; uint8_t *run; uint32_t host; int32_t socket;
        int64_t frames; int64_t interval_ns;
        int64_t cpu_ns; int64_t wall_ns; int64_t refused;
    };
    int fan_out(struct job *job);
    """
)


def open_sessions(profile: Profile, count: int) -> list[Session]:
    """Make one sending session a consumer, each with a key of its own."""
    sessions = []
    for _ in range(count):
        key = os.urandom(16 + SALT_SIZES[profile])
        policy = Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=PROFILES[profile])
        policy.allow_repeat_tx = True
        sessions.append(Session(policy))
    return sessions


def main() -> None:
    """Run the loop once."""
    wish: dict[str, Any] = json.load(sys.stdin)
    loop = _ffi.dlopen(sys.argv[1])
    profile: Profile = wish["profile"]
    stride = wish["size"] + TAG_SIZES[profile]
    sessions = open_sessions(profile, len(wish["ports"]))
    consumers = _ffi.new("struct consumer[]", len(sessions))
    for n, (session, port) in enumerate(zip(sessions, wish["ports"], strict=True)):
        pointer = int(srtp_ffi.cast("intptr_t", session._srtp[0]))
        consumers[n].session = _ffi.cast("void *", pointer)
        consumers[n].ssrc, consumers[n].sequence, consumers[n].port = FIRST_SSRC + n, n, port
    head = struct.pack("!BBHLL", 0x80, 96, 0, 1000, 1234)
    packet = head + os.urandom(wish["size"] - len(head)) + bytes(stride - wish["size"])
    source = _ffi.new("uint8_t[]", packet * wish["packets"])
    run = _ffi.new("uint8_t[]", stride * wish["packets"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE if os.geteuid() == 0 else socket.SO_SNDBUF, SEND_BUFFER)
        job = _ffi.new(
            "struct job *",
            {
                "protect": _ffi.cast(
                    "void *", int(srtp_ffi.cast("intptr_t", srtp_ffi.addressof(lib, "srtp_protect")))
                ),
                "consumers": consumers,
                "consumer_count": len(sessions),
                "packets": wish["packets"],
                "packet_size": wish["size"],
                "stride": stride,
                "source": source,
                "run": run,
                "host": int.from_bytes(socket.inet_aton(wish["host"]), sys.byteorder),
                "socket": out.fileno(),
                "frames": wish["frames"],
                "interval_ns": wish["interval_ns"],
            },
        )
        if loop.fan_out(job):
            raise SystemExit("the C loop failed: no UDP_SEGMENT here, or libsrtp refused")
    answer = {"cpu_s": job.cpu_ns / 1e9, "wall_s": job.wall_ns / 1e9, "refused": job.refused}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()

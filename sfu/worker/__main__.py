"""Start a media worker: `python -m sfu.worker --channel-fd N --config JSON`, as the control process does."""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import sys
from dataclasses import dataclass
from functools import partial
from typing import Any

import uvloop

from sfu.net.channel import Channel
from sfu.net.pipe_socket import PassedPipes
from sfu.net.tcp_listener import MAX_CONNECTIONS, bind_tcp
from sfu.net.udp_socket import NoFreePortError, bind_udp
from sfu.net.without_codecs import keep_codecs_out
from sfu.worker.worker import Worker
from shared.garbage import spare_the_collector
from shared.logging import LogFormat, configure_logging, get_logger, lines_written
from shared.loop_delay import LoopDelay
from shared.memory import return_memory

keep_codecs_out()

from sfu.net.media_port import MediaPort  # noqa: E402 - this imports aiortc, so it comes after the line above

SPARE_FILES = 256
"""Open files besides TCP connections: sockets, libraries, logs."""

EXIT_NO_PORT = 3
EXIT_CANNOT_BIND = 4

log = get_logger("sfu.worker")


@dataclass(frozen=True, slots=True)
class Config:
    """What the control process tells a worker at its start."""

    index: int
    listen_ip: str
    announced_ips: tuple[str, ...]
    min_port: int
    max_port: int
    preferred_port: int
    tcp: bool
    consent_timeout_s: float
    audio_last_n: int
    log_level: str
    log_format: LogFormat

    @classmethod
    def from_json(cls, text: str) -> "Config":
        """Read the command line's JSON."""
        raw: dict[str, Any] = json.loads(text)
        return cls(
            raw["workerIndex"],
            raw["listenIp"],
            tuple(raw["announcedIps"]),
            raw["minPort"],
            raw["maxPort"],
            raw["preferredPort"],
            raw.get("tcp", True),
            raw["consentTimeoutS"],
            raw["audioLastN"],
            raw["logLevel"],
            raw["logFormat"],
        )


def main() -> int:
    """Run until the control process closes the channel or asks to terminate."""
    parser = argparse.ArgumentParser(prog="sfu.worker")
    parser.add_argument("--channel-fd", type=int, required=True)
    parser.add_argument("--pipe-fd", type=int, help="where sockets to other workers are passed")
    parser.add_argument("--config", required=True)
    arguments = parser.parse_args()
    config = Config.from_json(arguments.config)
    configure_logging(config.log_level, config.log_format, service="sfu-worker", worker=config.index)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the control process's to handle
    try:
        sock = bind_udp(config.listen_ip, config.preferred_port, config.min_port, config.max_port)
    except NoFreePortError as error:
        log.error("cannot start", reason=str(error))
        return EXIT_NO_PORT
    except OSError as error:
        log.error("cannot start", reason=f"cannot bind a UDP socket on {config.listen_ip}: {error}")
        return EXIT_CANNOT_BIND
    with socket.socket(fileno=arguments.channel_fd) as channel_socket, contextlib.closing(sock):
        pipes = None if arguments.pipe_fd is None else socket.socket(fileno=arguments.pipe_fd)  # open to the end
        uvloop.run(_serve(config, sock, _listen_tcp(config, sock.getsockname()[1]), channel_socket, pipes))
    return 0


def _listen_tcp(config: Config, udp_port: int) -> socket.socket | None:
    """Open the TCP port, if there is to be one. Without it UDP still serves all but a few networks."""
    if not config.tcp:
        return None
    _allow_files(MAX_CONNECTIONS + SPARE_FILES)
    try:
        sock = bind_tcp(config.listen_ip, udp_port, config.min_port, config.max_port)
    except OSError as error:
        log.warning("no ICE-TCP", reason=str(error))
        return None
    port = None if sock is None else sock.getsockname()[1]
    if port != udp_port:
        log.warning("the UDP port's number is taken for TCP", udp_port=udp_port, tcp_port=port)
    return sock


def _allow_files(count: int) -> None:
    """Raise the limit of open files as far as we may: each TCP connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _serve(
    config: Config,
    sock: socket.socket,
    tcp_sock: socket.socket | None,
    channel_socket: socket.socket,
    pipe_socket: socket.socket | None,
) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    channel = await Channel.open(channel_socket, on_end=stopped.set)
    port = MediaPort(
        sock,
        loop,
        announced_ips=config.announced_ips or (config.listen_ip,),
        consent_timeout=config.consent_timeout_s,
        tcp_sock=tcp_sock,
    )
    pipes = None if pipe_socket is None else PassedPipes(pipe_socket, loop, port.watch_writable, port.fault)
    delay = LoopDelay()
    worker = Worker(
        port,
        loop,
        channel.notify,
        audio_last_n=config.audio_last_n,
        pipe_sockets=pipes,
        return_memory=return_memory,
        process_stats=partial(_process_stats, delay),
    )
    channel.serve(worker.steps)
    port.start(worker.on_batch)
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    channel.notify("worker.ready", {"pid": os.getpid(), "port": port.port, "srtpProfiles": port.srtp_profiles})
    spare_the_collector()
    delay.start(loop)
    await stopped.wait()
    delay.stop()
    channel.close()
    worker.close()
    await asyncio.sleep(0)  # lets the farewells (close_notify) leave
    port.close()


def _process_stats(delay: LoopDelay) -> dict[str, Any]:
    return {"loopDelayCounts": delay.counts, "loopDelaySumS": delay.sum_s, "logLines": lines_written()}


if __name__ == "__main__":
    sys.exit(main())

"""What an operator reads when the service starts: plain lines on a console, records in a log collector."""

import sys
from ipaddress import ip_address

from sfu.control.media_worker import MediaWorker
from sfu.settings import Settings
from shared.logging import LogFormat, get_logger

_log = get_logger(__name__)


def announce_worker(log_format: LogFormat, worker: MediaWorker) -> None:
    """Say that a media worker is up."""
    if log_format == "json":
        _log.info("Media worker created", worker=worker.index, worker_pid=worker.pid, udp_port=worker.port)
    else:
        _print(f"✓ Media worker created (pid {worker.pid}, UDP port {worker.port})")


def announce_listening(settings: Settings, port: int) -> None:
    """Say that the service listens on `port`, and where media goes."""
    endpoint = endpoint_url(settings.listen_ip, port)
    ports = f"{settings.rtc_min_port} - {settings.rtc_max_port}"
    announced = ", ".join(settings.candidate_ips)
    if settings.log_format == "json":
        _log.info(
            "SFU server listening",
            port=port,
            endpoint=endpoint,
            rtc_port_range=ports,
            listen_ip=settings.rtc_listen_ip,
            announced_ip=announced,
        )
        return
    _print(f"✓ SFU server listening on port {port}")
    _print(f"  Endpoint: {endpoint}")
    _print(f"  RTC Port Range: {ports}")
    _print(f"  Listen IP: {settings.rtc_listen_ip}")
    _print(f"  Announced IP: {announced}")


def announce_draining(settings: Settings, rooms: int) -> None:
    """Say that the service ends when its rooms have closed."""
    if settings.log_format == "json":
        _log.info("SFU server draining", rooms=rooms)
        return
    _print(f"✓ SFU server draining: it ends when its {rooms} rooms have closed (Ctrl-C: at once)")


def announce_stopped(log_format: LogFormat) -> None:
    """Say that the service has ended in good order."""
    if log_format == "json":
        _log.info("SFU server stopped")
    else:
        _print("✓ SFU server stopped")


def endpoint_url(listen_ip: str, port: int) -> str:
    """Return the URL that this machine reaches the service by."""
    address = ip_address(listen_ip)
    if address.is_loopback or address.is_unspecified:
        return f"http://localhost:{port}"
    host = f"[{address}]" if address.version == 6 else str(address)
    return f"http://{host}:{port}"


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()

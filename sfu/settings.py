"""The SFU's settings: read from the environment once, checked, frozen."""

import os
from dataclasses import dataclass, field
from ipaddress import ip_address

from shared.logging import LogFormat
from shared.settings import Env, SettingsError, first_set, ip, ips, port, reading_settings, secret, validate

MAX_WORKERS = 128
"""More media workers than any machine has cores for; a higher number is a slip of the keyboard."""

MAX_ROOM_SPREAD = 100_000
"""More consumers than a worker can serve; never to spread a room is 0."""

MAX_AUDIO_LAST_N = 100
"""More voices at once than anybody could follow; to forward those of all is 0."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment may say, validated. The token stays out of `repr`."""

    port: int = 3000
    listen_ip: str = "127.0.0.1"
    api_token: str | None = field(default=None, repr=False)
    rtc_listen_ip: str = "127.0.0.1"
    rtc_announced_ips: tuple[str, ...] = ()
    rtc_min_port: int = 40000
    rtc_max_port: int = 49999
    rtc_tcp: bool = True
    rtc_consent_timeout_s: float = 30.0
    workers: int = 1
    peer_timeout_s: float = 30.0
    peer_idle_timeout_s: float = 3600.0
    drain_timeout_s: float = 3600.0
    audio_last_n: int = 0
    room_spread: int = 400
    log_level: str = "info"
    log_format: LogFormat = "console"

    @property
    def candidate_ips(self) -> tuple[str, ...]:
        """The addresses that clients are told to send media to."""
        return self.rtc_announced_ips or (self.rtc_listen_ip,)


def load_settings(env: Env | None = None) -> Settings:
    """Read and check the settings.

    Raises:
        SettingsError: one is missing or wrong; the message names it and says how to mend it.
    """
    env = env or Env()
    with reading_settings():
        settings = _read(env)
    _check(settings)
    return settings


def available_cores() -> int:
    """Count the cores that this process may use (fewer than the machine has, inside a container)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read(env: Env) -> Settings:
    return Settings(
        port=_int(env, "SFU_PORT", 3000, 0, 65535, "MEDIASOUP_PORT"),
        listen_ip=ip(env, "SFU_LISTEN_IP", "127.0.0.1"),
        api_token=secret(env, "SFU_API_TOKEN", "MEDIASOUP_API_TOKEN").strip() or None,
        rtc_listen_ip=ip(env, "RTC_LISTEN_IP", "127.0.0.1", "MEDIASOUP_LISTEN_IP"),
        rtc_announced_ips=ips(env, "RTC_ANNOUNCED_IP", "MEDIASOUP_ANNOUNCED_IP"),
        rtc_min_port=port(env, "RTC_MIN_PORT", 40000, "MEDIASOUP_MIN_PORT"),
        rtc_max_port=port(env, "RTC_MAX_PORT", 49999, "MEDIASOUP_MAX_PORT"),
        rtc_tcp=first_set(env, env.bool, ("RTC_TCP",), True),
        rtc_consent_timeout_s=_seconds(env, "RTC_CONSENT_TIMEOUT_S", 30.0),
        workers=_int(env, "SFU_WORKERS", min(available_cores(), MAX_WORKERS), 1, MAX_WORKERS, "MEDIASOUP_WORKERS"),
        peer_timeout_s=_seconds(env, "PEER_TIMEOUT_S", 30.0),
        peer_idle_timeout_s=_seconds(env, "PEER_IDLE_TIMEOUT_S", 3600.0),
        drain_timeout_s=_seconds(env, "SFU_DRAIN_TIMEOUT_S", 3600.0),
        audio_last_n=_int(env, "SFU_AUDIO_LAST_N", 0, 0, MAX_AUDIO_LAST_N),
        room_spread=_int(env, "SFU_ROOM_SPREAD", 400, 0, MAX_ROOM_SPREAD),
        log_level=_choice(env, "LOG_LEVEL", ("debug", "info", "warning", "error"), "info"),
        log_format="json" if _choice(env, "LOG_FORMAT", ("console", "json"), "console") == "json" else "console",
    )


def _check(settings: Settings) -> None:
    if settings.api_token is None and not ip_address(settings.listen_ip).is_loopback:
        raise SettingsError(
            f"SFU_LISTEN_IP={settings.listen_ip} is reachable from other machines, so SFU_API_TOKEN is required: "
            "set it here and in the backend, or listen on 127.0.0.1."
        )
    if settings.rtc_min_port > settings.rtc_max_port:
        raise SettingsError(
            f"RTC_MIN_PORT={settings.rtc_min_port} is above RTC_MAX_PORT={settings.rtc_max_port}: swap them."
        )
    if settings.rtc_max_port - settings.rtc_min_port + 1 < settings.workers:
        raise SettingsError(
            f"Each of the {settings.workers} media workers needs a port of its own: widen the range "
            "RTC_MIN_PORT to RTC_MAX_PORT or lower SFU_WORKERS."
        )
    if ip_address(settings.rtc_listen_ip).is_unspecified and not settings.rtc_announced_ips:
        raise SettingsError(
            f"RTC_LISTEN_IP={settings.rtc_listen_ip} says no address that a client could send to: "
            "set RTC_ANNOUNCED_IP to the address that clients reach this machine by."
        )
    if any(ip_address(value).is_unspecified for value in settings.rtc_announced_ips):
        raise SettingsError("RTC_ANNOUNCED_IP must hold addresses that clients can send to, not 0.0.0.0 or ::.")


def _int(env: Env, name: str, default: int, low: int, high: int, *aliases: str) -> int:
    check = validate.Range(min=low, max=high, error=f"{name} must be from {low} to {high}")
    return first_set(env, env.int, (name, *aliases), default, validate=check)


def _seconds(env: Env, name: str, default: float) -> float:
    check = validate.Range(min=1.0, max=7 * 86400.0, error=f"{name} must be from 1 to 604800 seconds")
    return first_set(env, env.float, (name,), default, validate=check)


def _choice(env: Env, name: str, allowed: tuple[str, ...], default: str) -> str:
    value = first_set(env, env.str, (name,), default).lower()
    if value not in allowed:
        raise SettingsError(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    return value

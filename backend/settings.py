"""The backend's settings: read from the environment once, checked, frozen."""

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from backend.domain.passwords import require_strong
from backend.domain.users import normalized_email
from backend.errors import InvalidInput
from shared.logging import LogFormat
from shared.settings import Env, SettingsError, first_set, ip, reading_settings, secret

MIN_SECRET_BYTES = 32
"""RFC 7518 section 3.2: an HS256 key has at least the size of the hash, 256 bits."""

KNOWN_EXAMPLE_WORDS = ("change-me", "changeme", "change_me", "example", "your-secret", "your_secret", "secret-key")
"""A secret that holds one of these was copied from some document; everybody has it."""

PRODUCTION_BCRYPT_COST = 12
"""About 0.2 s a password on today's cores; less is too cheap to guess."""

MIN_BCRYPT_COST = 4
MAX_BCRYPT_COST = 16
"""bcrypt's own least, for tests; the most that still answers within some seconds."""


MAX_SFUS = 100
"""Each is followed by a connection of its own and asked for its load every second."""


class AppEnv(enum.StrEnum):
    """Where the service runs. Production accepts no convenient default that would be unsafe there."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """TURN and STUN servers for clients; credentials are made from the secret by coturn's REST scheme."""

    stun_urls: tuple[str, ...] = ()
    turn_urls: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)
    ttl_s: int = 3600


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment may say, validated. Secrets stay out of `repr`."""

    app_env: AppEnv = AppEnv.DEVELOPMENT
    listen_ip: str = "127.0.0.1"
    port: int = 8080
    data_dir: Path = Path(".data")
    database_url: str | None = field(default=None, repr=False)
    database_pool_size: int = 10
    jwt_secret: str | None = field(default=None, repr=False)
    jwt_previous_secrets: tuple[str, ...] = field(default=(), repr=False)
    access_token_ttl_s: int = 900
    refresh_token_ttl_s: int = 30 * 24 * 3600
    bcrypt_cost: int = PRODUCTION_BCRYPT_COST
    login_attempts_per_account: int = 10
    login_attempts_per_address: int = 600
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    audit_retention_days: int = 365
    admin_email: str | None = None
    admin_password: str | None = field(default=None, repr=False)
    cors_origins: tuple[str, ...] = ()
    sfu_url: str = "http://localhost:3000"
    sfu_api_token: str | None = field(default=None, repr=False)
    resume_grace_s: float = 30.0
    backend_peer_url: str | None = None
    turn: TurnSettings = TurnSettings()
    log_level: str = "info"
    log_format: LogFormat = "console"

    @property
    def sfu_urls(self) -> tuple[str, ...]:
        """The SFUs, of which `sfu_url` is the comma list."""
        return tuple(self.sfu_url.split(","))


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


def _read(env: Env) -> Settings:
    app_env = AppEnv(_choice(env, "APP_ENV", ("development", "production"), "development"))
    return Settings(
        app_env=app_env,
        listen_ip=ip(env, "LISTEN_IP", "127.0.0.1"),
        port=_int(env, "PORT", 8080, 0, 65535),
        data_dir=Path(_text(env, "DATA_DIR", ".data")).absolute(),
        database_url=secret(env, "DATABASE_URL") or None,
        database_pool_size=_int(env, "DATABASE_POOL_SIZE", 10, 1, 100),
        jwt_secret=secret(env, "JWT_SECRET") or None,
        jwt_previous_secrets=_parts(secret(env, "JWT_PREVIOUS_SECRETS").replace("\n", ",")),
        access_token_ttl_s=_int(env, "ACCESS_TOKEN_TTL_S", 900, 1, 24 * 3600),
        refresh_token_ttl_s=_int(env, "REFRESH_TOKEN_TTL_S", 30 * 24 * 3600, 1, 366 * 24 * 3600),
        bcrypt_cost=_int(env, "BCRYPT_COST", PRODUCTION_BCRYPT_COST, MIN_BCRYPT_COST, MAX_BCRYPT_COST),
        login_attempts_per_account=_int(env, "LOGIN_ATTEMPTS_PER_ACCOUNT", 10, 1, 1_000_000),
        login_attempts_per_address=_int(env, "LOGIN_ATTEMPTS_PER_ADDRESS", 600, 1, 1_000_000),
        trusted_proxies=tuple(_network(part) for part in _list(env, "TRUSTED_PROXIES")),
        audit_retention_days=_int(env, "AUDIT_RETENTION_DAYS", 365, 1, 3660),
        admin_email=_text(env, "ADMIN_EMAIL") or None,
        admin_password=secret(env, "ADMIN_PASSWORD") or None,
        cors_origins=tuple(_origin(part) for part in _list(env, "CORS_ORIGINS")),
        sfu_url=_http_urls(env, "SFU_URL", "http://localhost:3000", "SFU_URLS", "MEDIASOUP_URL"),
        sfu_api_token=secret(env, "SFU_API_TOKEN", "MEDIASOUP_API_TOKEN") or None,
        resume_grace_s=_seconds(env, "RESUME_GRACE_S", 30.0, 0.0, 3600.0),
        backend_peer_url=_http_url(env, "BACKEND_PEER_URL", "") or None,
        turn=_turn(env),
        log_level=_choice(env, "LOG_LEVEL", ("debug", "info", "warning", "error"), "info"),
        log_format="json" if _choice(env, "LOG_FORMAT", ("console", "json"), "console") == "json" else "console",
    )


def _check(settings: Settings) -> None:
    _check_database_url(settings.database_url)
    if settings.jwt_secret is not None:
        _check_secret("JWT_SECRET", settings.jwt_secret)
    for former in settings.jwt_previous_secrets:
        _check_secret("Each of JWT_PREVIOUS_SECRETS", former)
    _check_admin(settings.admin_email, settings.admin_password)
    if settings.turn.turn_urls and not settings.turn.secret:
        raise SettingsError("TURN_URLS needs TURN_SECRET, the secret that the TURN server shares with us.")
    if settings.app_env is AppEnv.PRODUCTION:
        _check_production(settings)


def _check_production(settings: Settings) -> None:
    if settings.jwt_secret is None:
        raise SettingsError(
            "JWT_SECRET is required when APP_ENV=production. Make one with `openssl rand -base64 48`."
        )
    if settings.bcrypt_cost < PRODUCTION_BCRYPT_COST:
        raise SettingsError(f"BCRYPT_COST must be at least {PRODUCTION_BCRYPT_COST} when APP_ENV=production.")


def _check_admin(email: str | None, password: str | None) -> None:
    if (email is None) != (password is None):
        raise SettingsError("ADMIN_EMAIL and ADMIN_PASSWORD belong together: set both or neither.")
    if email is None or password is None:
        return
    try:
        normalized_email(email)
    except InvalidInput:
        raise SettingsError("ADMIN_EMAIL is not an email address.") from None
    try:
        require_strong(password)
    except InvalidInput as error:
        raise SettingsError(f"ADMIN_PASSWORD is too weak. {error.message}") from None


def _check_secret(name: str, value: str) -> None:
    how = "Make one with `openssl rand -base64 48`."
    if len(value.encode()) < MIN_SECRET_BYTES:
        raise SettingsError(f"{name} must have at least {MIN_SECRET_BYTES} bytes. {how}")
    lowered = value.lower()
    if any(word in lowered for word in KNOWN_EXAMPLE_WORDS) or len(set(value)) < 8:
        raise SettingsError(f"{name} is a known example or too simple to be a secret. {how}")


def _check_database_url(url: str | None) -> None:
    if url is not None and urlsplit(url).scheme not in {"postgres", "postgresql"}:
        raise SettingsError("DATABASE_URL must look like postgresql://user:password@host:5432/vtp_db.")


def _turn(env: Env) -> TurnSettings:
    return TurnSettings(
        stun_urls=_ice_urls(env, "STUN_URLS", ("stun:", "stuns:")),
        turn_urls=_ice_urls(env, "TURN_URLS", ("turn:", "turns:")),
        secret=secret(env, "TURN_SECRET"),
        ttl_s=_int(env, "TURN_TTL_S", 3600, 60, 24 * 3600),
    )


def _ice_urls(env: Env, name: str, schemes: tuple[str, ...]) -> tuple[str, ...]:
    urls = _list(env, name)
    for url in urls:
        if not url.startswith(schemes):
            raise SettingsError(f"{name} is a comma list of {schemes[0]}host:port, not {url!r}.")
    return urls


def _network(value: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(value)
    except ValueError:
        raise SettingsError(
            f"TRUSTED_PROXIES is a comma list of addresses and networks such as 10.0.0.0/8, not {value!r}."
        ) from None


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path not in {"", "/"} or parts.query:
        raise SettingsError(
            f"CORS_ORIGINS is a comma list of origins such as https://class.example, not {value!r}."
        )
    return f"{parts.scheme}://{parts.netloc}".lower()


def _http_urls(env: Env, name: str, default: str, *aliases: str) -> str:
    """Read one URL or a comma list, each without a slash at its end and none twice."""
    text = _text(env, name, default, *aliases)
    urls = [part.strip().rstrip("/") for part in text.split(",") if part.strip()]
    for url in urls or [text]:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise SettingsError(f"{name} must be a URL such as {default}, or a comma list of some, not {url!r}.")
    if len(urls) > MAX_SFUS:
        raise SettingsError(f"{name} names {len(urls)} SFUs; at most {MAX_SFUS} are followed.")
    return ",".join(dict.fromkeys(urls))


def _http_url(env: Env, name: str, default: str, *aliases: str) -> str:
    value = _text(env, name, default, *aliases).rstrip("/")
    parts = urlsplit(value)
    if value != default and (parts.scheme not in {"http", "https"} or not parts.netloc):
        raise SettingsError(f"{name} must be a URL such as {default or 'http://10.0.0.5:8080'}, not {value!r}.")
    return value


def _text(env: Env, name: str, default: str = "", *aliases: str) -> str:
    return first_set(env, env.str, (name, *aliases), default)


def _list(env: Env, name: str) -> tuple[str, ...]:
    return _parts(_text(env, name))


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _choice(env: Env, name: str, allowed: tuple[str, ...], default: str) -> str:
    value = _text(env, name, default).lower()
    if value not in allowed:
        raise SettingsError(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    return value


def _int(env: Env, name: str, default: int, low: int, high: int) -> int:
    return int(_number(env, name, default, low, high, int))


def _seconds(env: Env, name: str, default: float, low: float, high: float) -> float:
    return _number(env, name, default, low, high, float)


def _number(env: Env, name: str, default: float, low: float, high: float, parse: Callable[[str], float]) -> float:
    text = _text(env, name)
    if not text:
        return default
    try:
        value = parse(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:  # which "not a number" is not either
        raise SettingsError(f"{name} must be from {low:g} to {high:g}, not {text!r}.")
    return value

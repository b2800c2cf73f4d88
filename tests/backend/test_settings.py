"""The backend's settings: defaults, every refusal, aliases."""

from pathlib import Path

import pytest

from backend.settings import AppEnv, Settings, load_settings
from shared.settings import SettingsError

SECRET = "0123456789abcdefghijklmnopqrstuvwxyz-ABC"

NAMES = [
    "APP_ENV",
    "LISTEN_IP",
    "PORT",
    "DATA_DIR",
    "DATABASE_URL",
    "DATABASE_POOL_SIZE",
    "JWT_SECRET",
    "JWT_PREVIOUS_SECRETS",
    "ACCESS_TOKEN_TTL_S",
    "REFRESH_TOKEN_TTL_S",
    "BCRYPT_COST",
    "LOGIN_ATTEMPTS_PER_ACCOUNT",
    "LOGIN_ATTEMPTS_PER_ADDRESS",
    "TRUSTED_PROXIES",
    "AUDIT_RETENTION_DAYS",
    "ADMIN_EMAIL",
    "ADMIN_PASSWORD",
    "CORS_ORIGINS",
    "SFU_URL",
    "SFU_URLS",
    "MEDIASOUP_URL",
    "SFU_API_TOKEN",
    "MEDIASOUP_API_TOKEN",
    "RESUME_GRACE_S",
    "STUN_URLS",
    "TURN_URLS",
    "TURN_SECRET",
    "TURN_TTL_S",
    "LOG_LEVEL",
    "LOG_FORMAT",
]


SECRETS = {
    "DATABASE_URL": "postgresql://u:p@db:5432/vtp_db",
    "JWT_SECRET": SECRET,
    "JWT_PREVIOUS_SECRETS": f"{SECRET}-2\n{SECRET}-1",
    "ADMIN_PASSWORD": "Chalk-and-Board-1",
    "SFU_API_TOKEN": "token",
    "TURN_SECRET": "turn",
}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*NAMES, *(f"{name}_FILE" for name in SECRETS)]:
        monkeypatch.delenv(name, raising=False)


def load(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_defaults_serve_development(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch)
    assert settings == Settings(data_dir=Path(".data").absolute())
    assert (settings.listen_ip, settings.port, settings.app_env) == ("127.0.0.1", 8080, AppEnv.DEVELOPMENT)
    assert settings.sfu_url == "http://localhost:3000"
    assert settings.bcrypt_cost == 12


def test_empty_values_are_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, **dict.fromkeys(NAMES, "")) == Settings(data_dir=Path(".data").absolute())


def test_values_are_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(
        monkeypatch,
        APP_ENV="production",
        PORT="0",
        LISTEN_IP="::1",
        JWT_SECRET=SECRET,
        JWT_PREVIOUS_SECRETS=f"{SECRET}-2, {SECRET}-1",
        DATABASE_URL="postgresql://u:p@db:5432/vtp_db",
        CORS_ORIGINS=" https://A.example , http://b.example:8000/ ",
        SFU_URL="http://sfu:3000/",
        SFU_API_TOKEN="token",
        RESUME_GRACE_S="2.5",
        ADMIN_EMAIL="a@b",
        ADMIN_PASSWORD="Chalk-and-Board-1",
        STUN_URLS="stun:s:3478",
        TURN_URLS="turn:t:3478,turns:t:5349",
        TURN_SECRET="turn",
        TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.1,fd00::/8",
        AUDIT_RETENTION_DAYS="30",
        LOG_LEVEL="DEBUG",
        LOG_FORMAT="json",
    )
    assert (settings.app_env, settings.port, settings.listen_ip) == (AppEnv.PRODUCTION, 0, "::1")
    assert settings.jwt_previous_secrets == (f"{SECRET}-2", f"{SECRET}-1")
    assert settings.cors_origins == ("https://a.example", "http://b.example:8000")
    assert (settings.sfu_url, settings.sfu_api_token) == ("http://sfu:3000", "token")
    assert [str(one) for one in settings.trusted_proxies] == ["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"]
    assert settings.audit_retention_days == 30
    assert settings.turn.turn_urls == ("turn:t:3478", "turns:t:5349")
    assert (settings.resume_grace_s, settings.log_level, settings.log_format) == (2.5, "debug", "json")


def test_every_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(f"{value}\n")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    settings = load(monkeypatch, ADMIN_EMAIL="a@b")
    assert (settings.database_url, settings.jwt_secret) == (SECRETS["DATABASE_URL"], SECRET)
    assert settings.jwt_previous_secrets == (f"{SECRET}-2", f"{SECRET}-1")
    assert (settings.admin_password, settings.sfu_api_token) == ("Chalk-and-Board-1", "token")
    assert settings.turn.secret == "turn"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_comes_from_one_place(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} and {name}_FILE are both set"):
        load(monkeypatch, **{name: SECRETS[name], f"{name}_FILE": "/run/secrets/it"})


def test_the_sfu_has_an_older_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, MEDIASOUP_URL="http://old:1").sfu_url == "http://old:1"
    assert load(monkeypatch, SFU_URL="http://new:1").sfu_url == "http://new:1"


def test_several_sfus_are_a_comma_list(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, SFU_URL="http://a:1/, https://b:2,http://a:1,")
    assert settings.sfu_urls == ("http://a:1", "https://b:2")
    monkeypatch.delenv("SFU_URL")
    assert load(monkeypatch, SFU_URLS="http://c:1,http://d:1").sfu_urls == ("http://c:1", "http://d:1")


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"SFU_URL": "http://a:1,b:2"}, "not 'b:2'"),
        ({"SFU_URL": ","}, "SFU_URL must be a URL"),
        ({"SFU_URL": ",".join(f"http://s{number}:1" for number in range(101))}, "at most 100"),
        ({"PORT": "x"}, "PORT"),
        ({"PORT": "65536"}, "PORT must be from 0 to 65535"),
        ({"LISTEN_IP": "localhost"}, "LISTEN_IP must be an IP address"),
        ({"APP_ENV": "staging"}, "APP_ENV must be one of development, production"),
        ({"APP_ENV": "production"}, "JWT_SECRET is required"),
        ({"APP_ENV": "production", "JWT_SECRET": SECRET, "BCRYPT_COST": "11"}, "BCRYPT_COST must be at least 12"),
        ({"BCRYPT_COST": "3"}, "BCRYPT_COST must be from 4 to 16"),
        ({"JWT_SECRET": "short"}, "at least 32 bytes"),
        ({"JWT_SECRET": "x" * 64}, "too simple"),
        ({"JWT_SECRET": "please-change-me-in-production-0123456789"}, "known example"),
        ({"JWT_PREVIOUS_SECRETS": f"{SECRET},short"}, "Each of JWT_PREVIOUS_SECRETS must have at least 32 bytes"),
        ({"DATABASE_URL": "mysql://db"}, "DATABASE_URL must look like"),
        ({"CORS_ORIGINS": "https://a.example/path"}, "CORS_ORIGINS"),
        ({"CORS_ORIGINS": "*"}, "CORS_ORIGINS"),
        ({"SFU_URL": "sfu:3000"}, "SFU_URL must be a URL"),
        ({"BACKEND_PEER_URL": "10.0.0.5:8080"}, "BACKEND_PEER_URL must be a URL"),
        ({"ADMIN_EMAIL": "a@b"}, "belong together"),
        ({"ADMIN_PASSWORD": "Chalk-and-Board-1"}, "belong together"),
        ({"ADMIN_EMAIL": "a@b", "ADMIN_PASSWORD": "weak"}, "ADMIN_PASSWORD"),
        ({"ADMIN_EMAIL": "nobody", "ADMIN_PASSWORD": "Chalk-and-Board-1"}, "ADMIN_EMAIL"),
        ({"RESUME_GRACE_S": "-1"}, "RESUME_GRACE_S must be from 0"),
        ({"RESUME_GRACE_S": "nan"}, "RESUME_GRACE_S"),
        ({"TURN_URLS": "turn:t:3478"}, "TURN_SECRET"),
        ({"TURN_URLS": "http://t", "TURN_SECRET": "x"}, "TURN_URLS"),
        ({"STUN_URLS": "turn:t:3478"}, "STUN_URLS"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL must be one of"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT must be one of"),
        ({"LOGIN_ATTEMPTS_PER_ACCOUNT": "0"}, "LOGIN_ATTEMPTS_PER_ACCOUNT"),
        ({"TRUSTED_PROXIES": "proxy.example"}, "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": "10.0.0.1/8"}, "TRUSTED_PROXIES"),
        ({"AUDIT_RETENTION_DAYS": "0"}, "AUDIT_RETENTION_DAYS"),
    ],
)
def test_refusals_name_the_setting(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        load(monkeypatch, **environment)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    for name in ("JWT_SECRET", "ADMIN_PASSWORD", "TURN_SECRET"):
        if name in environment:
            assert environment[name] not in str(refused.value).replace(name, "") or len(environment[name]) < 6


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "JWT_SECRET": SECRET,
        "JWT_PREVIOUS_SECRETS": "former-" + SECRET,
        "DATABASE_URL": "postgresql://u:db-password@h/d",
        "SFU_API_TOKEN": "sfu-token-value",
        "ADMIN_EMAIL": "a@b",
        "ADMIN_PASSWORD": "Chalk-and-Board-1",
        "TURN_URLS": "turn:t:1",
        "TURN_SECRET": "turn-secret-value",
    }
    shown = repr(load(monkeypatch, **given))
    for name in given.keys() - {"ADMIN_EMAIL", "TURN_URLS"}:
        assert given[name] not in shown

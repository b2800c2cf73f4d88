from pathlib import Path

import pytest
from environs import Env

from sfu.settings import Settings, load_settings
from shared.settings import SettingsError

ANYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound here

NAMES = (
    *("SFU_PORT", "SFU_LISTEN_IP", "SFU_API_TOKEN", "SFU_WORKERS", "LOG_LEVEL", "LOG_FORMAT"),
    *(
        "RTC_LISTEN_IP",
        "RTC_ANNOUNCED_IP",
        "RTC_MIN_PORT",
        "RTC_MAX_PORT",
        "RTC_TCP",
        "RTC_CONSENT_TIMEOUT_S",
        "PEER_TIMEOUT_S",
        "PEER_IDLE_TIMEOUT_S",
        "SFU_DRAIN_TIMEOUT_S",
        "SFU_AUDIO_LAST_N",
        "SFU_ROOM_SPREAD",
    ),
    *("MEDIASOUP_PORT", "MEDIASOUP_LISTEN_IP", "MEDIASOUP_ANNOUNCED_IP", "MEDIASOUP_MIN_PORT"),
    *("MEDIASOUP_MAX_PORT", "MEDIASOUP_WORKERS", "MEDIASOUP_API_TOKEN"),
    *("SFU_API_TOKEN_FILE", "MEDIASOUP_API_TOKEN_FILE"),
)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def load(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings(Env())


def test_defaults_need_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch)
    assert (settings.port, settings.listen_ip, settings.api_token) == (3000, "127.0.0.1", None)
    assert (settings.rtc_min_port, settings.rtc_max_port) == (40000, 49999)
    assert (settings.peer_timeout_s, settings.peer_idle_timeout_s) == (30.0, 3600.0)
    assert settings.workers >= 1
    assert settings.drain_timeout_s == 3600.0
    assert settings.audio_last_n == 0
    assert settings.candidate_ips == ("127.0.0.1",)


@pytest.mark.parametrize("name", ["SFU_API_TOKEN_FILE", "MEDIASOUP_API_TOKEN_FILE"])
def test_the_token_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    settings = load(monkeypatch, SFU_LISTEN_IP=ANYWHERE, **{name: str(tmp_path / "token")})
    assert settings.api_token == "s3cret"


def test_the_token_comes_from_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="SFU_API_TOKEN and SFU_API_TOKEN_FILE are both set"):
        load(monkeypatch, SFU_API_TOKEN="s3cret", SFU_API_TOKEN_FILE="/run/secrets/it")


def test_every_setting_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(
        monkeypatch,
        SFU_PORT="0",
        SFU_LISTEN_IP=ANYWHERE,
        SFU_API_TOKEN="s3cret",
        SFU_WORKERS="3",
        RTC_LISTEN_IP=ANYWHERE,
        RTC_ANNOUNCED_IP="192.0.2.7, 2001:db8::7",
        RTC_MIN_PORT="41000",
        RTC_MAX_PORT="41002",
        RTC_TCP="no",
        RTC_CONSENT_TIMEOUT_S="20",
        PEER_TIMEOUT_S="5",
        PEER_IDLE_TIMEOUT_S="60.5",
        SFU_AUDIO_LAST_N="5",
        SFU_ROOM_SPREAD="50",
        LOG_LEVEL="DEBUG",
        LOG_FORMAT="json",
    )
    assert settings == Settings(
        port=0,
        listen_ip=ANYWHERE,
        api_token="s3cret",
        rtc_listen_ip=ANYWHERE,
        rtc_announced_ips=("192.0.2.7", "2001:db8::7"),
        rtc_min_port=41000,
        rtc_max_port=41002,
        rtc_tcp=False,
        rtc_consent_timeout_s=20.0,
        workers=3,
        peer_timeout_s=5.0,
        peer_idle_timeout_s=60.5,
        audio_last_n=5,
        room_spread=50,
        log_level="debug",
        log_format="json",
    )
    assert settings.candidate_ips == ("192.0.2.7", "2001:db8::7")


def test_the_checklists_names_are_aliases(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(
        monkeypatch,
        MEDIASOUP_PORT="3100",
        MEDIASOUP_LISTEN_IP="127.0.0.2",
        MEDIASOUP_ANNOUNCED_IP="127.0.0.3",
        MEDIASOUP_MIN_PORT="42000",
        MEDIASOUP_MAX_PORT="42999",
    )
    assert (settings.port, settings.rtc_listen_ip, settings.candidate_ips) == (3100, "127.0.0.2", ("127.0.0.3",))
    assert (settings.rtc_min_port, settings.rtc_max_port) == (42000, 42999)
    assert settings.listen_ip == "127.0.0.1", "the alias is the media's address, not the API's"


def test_own_names_win_over_aliases_and_empty_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, SFU_PORT="3001", MEDIASOUP_PORT="3100", RTC_LISTEN_IP="", SFU_API_TOKEN=" ")
    assert (settings.port, settings.rtc_listen_ip, settings.api_token) == (3001, "127.0.0.1", None)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"SFU_PORT": "70000"}, "SFU_PORT"),
        ({"SFU_PORT": "http"}, "SFU_PORT"),
        ({"SFU_LISTEN_IP": "localhost"}, "SFU_LISTEN_IP"),
        ({"SFU_LISTEN_IP": ANYWHERE}, "SFU_API_TOKEN"),
        ({"SFU_LISTEN_IP": "::"}, "SFU_API_TOKEN"),
        ({"SFU_LISTEN_IP": "192.0.2.7", "SFU_API_TOKEN": ""}, "SFU_API_TOKEN"),
        ({"RTC_MIN_PORT": "0"}, "RTC_MIN_PORT"),
        ({"RTC_MIN_PORT": "50000"}, "RTC_MIN_PORT"),
        ({"RTC_MIN_PORT": "40000", "RTC_MAX_PORT": "40001", "SFU_WORKERS": "3"}, "SFU_WORKERS"),
        ({"RTC_LISTEN_IP": ANYWHERE}, "RTC_ANNOUNCED_IP"),
        ({"RTC_ANNOUNCED_IP": ANYWHERE}, "RTC_ANNOUNCED_IP"),
        ({"RTC_ANNOUNCED_IP": "sfu.example"}, "RTC_ANNOUNCED_IP"),
        ({"SFU_WORKERS": "0"}, "SFU_WORKERS"),
        ({"PEER_TIMEOUT_S": "0"}, "PEER_TIMEOUT_S"),
        ({"PEER_TIMEOUT_S": "nan"}, "PEER_TIMEOUT_S"),
        ({"PEER_IDLE_TIMEOUT_S": "soon"}, "PEER_IDLE_TIMEOUT_S"),
        ({"SFU_AUDIO_LAST_N": "-1"}, "SFU_AUDIO_LAST_N"),
        ({"SFU_AUDIO_LAST_N": "101"}, "SFU_AUDIO_LAST_N"),
        ({"SFU_AUDIO_LAST_N": "few"}, "SFU_AUDIO_LAST_N"),
        ({"SFU_ROOM_SPREAD": "-1"}, "SFU_ROOM_SPREAD"),
        ({"SFU_ROOM_SPREAD": "all"}, "SFU_ROOM_SPREAD"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT"),
    ],
)
def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        load(monkeypatch, **environment)


def test_the_token_stays_out_of_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "s3cret" not in repr(load(monkeypatch, SFU_API_TOKEN="s3cret"))


def test_ipv6_loopback_needs_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, SFU_LISTEN_IP="::1").listen_ip == "::1"

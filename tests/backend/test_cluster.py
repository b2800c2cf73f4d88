"""Where the other backends reach this one."""

import pytest

from backend.cluster import peer_url
from backend.settings import Settings


@pytest.mark.parametrize(
    ("settings", "own_address", "url"),
    [
        (Settings(port=8081), "10.0.0.7", "http://127.0.0.1:8081"),
        (Settings(listen_ip="192.168.1.5"), "10.0.0.7", "http://192.168.1.5:8080"),
        (Settings(listen_ip="0.0.0.0"), "10.0.0.7", "http://10.0.0.7:8080"),  # noqa: S104 -- nothing listens here
        (Settings(listen_ip="::"), "fd00::7", "http://[fd00::7]:8080"),
        (Settings(listen_ip="::1"), "10.0.0.7", "http://[::1]:8080"),
        (Settings(backend_peer_url="https://one.internal"), "10.0.0.7", "https://one.internal"),
    ],
)
def test_the_url_is_the_setting_or_where_we_listen_or_where_the_database_sees_us(
    settings: Settings, own_address: str, url: str
) -> None:
    assert peer_url(settings, own_address) == url

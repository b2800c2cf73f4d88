import pytest

from tests.support.media_rig import MediaRig


@pytest.fixture
def rig() -> MediaRig:
    """Return a router without sockets, whose clock stands still."""
    return MediaRig()

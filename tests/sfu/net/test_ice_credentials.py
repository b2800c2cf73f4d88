from sfu.net.ice_credentials import MAX_CREDENTIALS, OLD_CREDENTIALS_S, IceCredentials


def test_credentials_are_long_enough_and_never_the_same() -> None:
    made = [IceCredentials() for _ in range(50)]
    assert len({one.username_fragment for one in made}) == 50
    assert len({one.password for one in made}) == 50
    assert all(len(one.username_fragment) >= 4 and len(one.password) >= 22 for one in made)


def test_a_restart_keeps_the_old_ones_until_the_new_ones_are_used() -> None:
    credentials = IceCredentials()
    old, password = credentials.username_fragment, credentials.password
    assert credentials.restart(now=0) == []
    new = credentials.username_fragment
    assert (new != old, credentials.password != password) == (True, True)
    assert (credentials.key(old), credentials.key(new)) == (password.encode(), credentials.password.encode())
    assert credentials.used(old, 1) == []
    assert credentials.used(new, 2) == [old]
    assert credentials.key(old) is None
    assert credentials.next_timeout() is None
    assert credentials.used(new, 3) == []


def test_a_peer_that_never_learns_the_new_ones_keeps_what_it_uses() -> None:
    credentials = IceCredentials()
    first = credentials.username_fragment
    credentials.restart(0)
    second = credentials.username_fragment
    credentials.restart(1)
    assert credentials.used(second, 2) == [first]
    now = 2.0
    for _ in range(100):
        now += OLD_CREDENTIALS_S - 1
        assert credentials.handle_timeout(now) == []
        assert credentials.used(second, now) == []
    assert credentials.next_timeout() == now + OLD_CREDENTIALS_S
    assert credentials.handle_timeout(now + OLD_CREDENTIALS_S) == [second]
    assert credentials.fragments == [credentials.username_fragment]


def test_old_ones_that_nobody_leaves_run_out() -> None:
    credentials = IceCredentials()
    assert credentials.next_timeout() is None
    old = credentials.username_fragment
    credentials.restart(now=100)
    assert credentials.next_timeout() == 100 + OLD_CREDENTIALS_S
    assert credentials.handle_timeout(100 + OLD_CREDENTIALS_S - 0.1) == []
    assert credentials.handle_timeout(100 + OLD_CREDENTIALS_S) == [old]
    assert credentials.fragments == [credentials.username_fragment]
    assert credentials.next_timeout() is None
    assert credentials.handle_timeout(1e9) == []


def test_restarts_without_end_are_bounded_and_spare_what_the_peer_uses() -> None:
    credentials = IceCredentials()
    used = credentials.username_fragment
    made, retired = [], []
    for n in range(20):
        retired += credentials.restart(n)
        made.append(credentials.username_fragment)
    assert len(credentials.fragments) == MAX_CREDENTIALS
    assert credentials.fragments == [used, *made[-2:]]
    assert retired == made[:-2]
    assert credentials.used(made[-2], 20) == [used]
    assert credentials.used(made[-1], 20) == [made[-2]]

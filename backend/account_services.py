"""Joins the parts that accounts and sign-in are made of, for `backend.app`."""

import time
from datetime import timedelta

from aiohttp import web

from backend import keys
from backend.domain.accounts import Accounts
from backend.domain.auth_ports import AccessTokenSigner, Clock, PasswordHasher
from backend.domain.login_attempts import LoginAttempts
from backend.domain.own_second_factor import OwnSecondFactor
from backend.domain.password_check import PasswordCheck
from backend.domain.second_factor import SecondFactor
from backend.domain.sessions import Sessions
from backend.errors import StartError
from backend.security.key_ring import KeyRing
from backend.security.secret_box import SecretBox
from backend.security.signing_key import load_or_create_key
from backend.security.totp import TotpCodes
from backend.settings import Settings
from backend.storage.data_dir import make_passable
from backend.storage.database import Database
from backend.storage.login_failures import PostgresLoginFailures
from backend.storage.second_factors import PostgresSecondFactors
from backend.storage.sessions import PostgresSessions


def key_ring(settings: Settings) -> KeyRing:
    """Return the keys that sign tokens and seal secrets.

    Raises:
        StartError: the signing key cannot be read or made.
    """
    return KeyRing(settings.jwt_secret or _kept_key(settings), settings.jwt_previous_secrets)


def add_account_services(
    app: web.Application,
    database: Database,
    ring: KeyRing,
    hasher: PasswordHasher,
    signer: AccessTokenSigner,
    clock: Clock,
) -> None:
    """Put accounts, sessions and second factors under their keys; the repositories and `PRESENCE` are there."""
    settings, factors = app[keys.SETTINGS], PostgresSecondFactors(database)
    app[keys.SECOND_FACTOR] = factor = SecondFactor(
        factors=factors,
        users=app[keys.USERS],
        codes=TotpCodes(),
        sealer=SecretBox(ring),
        audit=app[keys.AUDIT],
        transactions=database,
        clock=clock,
    )
    attempts = LoginAttempts(
        settings.login_attempts_per_account,
        settings.login_attempts_per_address,
        time.monotonic,
        PostgresLoginFailures(database),
    )
    check = PasswordCheck(app[keys.USERS], hasher, attempts, factor, app[keys.AUDIT])
    app[keys.OWN_SECOND_FACTOR] = OwnSecondFactor(factor, check)
    app[keys.SESSIONS] = Sessions(
        users=app[keys.USERS],
        sessions=PostgresSessions(database),
        check=check,
        hasher=hasher,
        signer=signer,
        attempts=attempts,
        refresh_lifetime=timedelta(seconds=settings.refresh_token_ttl_s),
        audit=app[keys.AUDIT],
        transactions=database,
        clock=clock,
        presence=app[keys.PRESENCE],
    )
    app[keys.ACCOUNTS] = Accounts(
        users=app[keys.USERS],
        sessions=PostgresSessions(database),
        hasher=hasher,
        factors=factors,
        audit=app[keys.AUDIT],
        transactions=database,
        clock=clock,
        presence=app[keys.PRESENCE],
        attempts=attempts,
    )


def _kept_key(settings: Settings) -> str:
    try:
        make_passable(settings.data_dir)
        return load_or_create_key(settings.data_dir)
    except OSError as error:
        raise StartError(
            f"The signing key in {settings.data_dir} cannot be used ({error.strerror}). "
            "Set DATA_DIR or JWT_SECRET."
        ) from error
    except ValueError as error:
        raise StartError(
            f"The signing key in {settings.data_dir} is damaged ({error}). "
            "Put it back, or remove it for a new one."
        ) from error

"""The first admin: from the settings, or made up once in development, so that somebody can sign in at all."""

import secrets

from aiohttp import web

from backend import keys
from backend.settings import AppEnv

DEVELOPMENT_ADMIN_EMAIL = "admin@localhost"

_ADVICE = (
    "There is no admin yet. Set ADMIN_EMAIL and ADMIN_PASSWORD and start again, "
    "or run `python -m backend create-admin EMAIL`."
)


async def ensure_first_admin(app: web.Application) -> str | None:
    """Make an admin if there is none, and return what the operator must be told, if anything.

    In development without `ADMIN_EMAIL` the admin gets a random password. It is in the returned text and nowhere
    else: the database has its hash. Where what is said goes to a log collector, none is made up.
    """
    settings, accounts = app[keys.SETTINGS], app[keys.ACCOUNTS]
    if settings.admin_email and settings.admin_password:
        await accounts.ensure_first_admin(settings.admin_email, settings.admin_password)
        return None
    if await accounts.has_admin():
        return None
    if settings.app_env is not AppEnv.DEVELOPMENT or settings.log_format == "json":
        return _ADVICE
    password = new_password()
    if not await accounts.ensure_first_admin(DEVELOPMENT_ADMIN_EMAIL, password):
        return None
    return _welcome(password)


def new_password() -> str:
    """Make a random password that the rules accept: 96 random bits and one of each kind."""
    return f"Vt{secrets.token_hex(12)}7"


def _welcome(password: str) -> str:
    return "\n".join(
        (
            "",
            "  First start: there was no admin, so one was made. Sign in with",
            f"      email     {DEVELOPMENT_ADMIN_EMAIL}",
            f"      password  {password}",
            "  It is shown this once. Lost it? `python -m backend create-admin EMAIL` sets a new one.",
            "  Teachers and students: sign-up makes students; the admin makes teachers.",
            "",
        )
    )

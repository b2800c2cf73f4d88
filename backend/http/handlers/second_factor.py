"""One's own second factor: `/api/v1/auth/totp`."""

from aiohttp import web

from backend import keys
from backend.domain.ports import Identity
from backend.http.parsing import read_body
from backend.http.responses import json_response, no_content
from backend.http.schemas.second_factor import (
    BackupCodesAnswer,
    CodeBody,
    PasswordAndCodeBody,
    PasswordBody,
    SecondFactorAnswer,
    SecretAnswer,
)
from shared.operations import operation

_PASSWORD, _CODE, _BOTH = PasswordBody(), CodeBody(), PasswordAndCodeBody()


@operation({200: SecondFactorAnswer})
async def second_factor_status(request: web.Request, identity: Identity) -> web.Response:
    """`GET /auth/totp`: is my second factor on?"""
    found = await request.app[keys.OWN_SECOND_FACTOR].status(identity.user)
    return json_response({"enabled": found.enabled, "backup_codes_left": found.backup_codes_left})


@operation(
    {200: SecretAnswer}, body=_PASSWORD, errors=("WRONG_PASSWORD", "TOTP_ENABLED", "TOO_MANY_ATTEMPTS", "BUSY")
)
async def set_up_second_factor(request: web.Request, identity: Identity) -> web.Response:
    """`POST /auth/totp/setup`: make a secret for an authenticator app; it counts once it is enabled."""
    body = await read_body(request, _PASSWORD)
    made = await request.app[keys.OWN_SECOND_FACTOR].set_up(identity.user, body["password"])
    return json_response({"secret": made.secret, "otpauth_uri": made.uri})


@operation(
    {200: BackupCodesAnswer},
    body=_CODE,
    errors=("INVALID_TOTP", "TOTP_ENABLED", "TOTP_NOT_SET_UP", "TOO_MANY_ATTEMPTS"),
)
async def enable_second_factor(request: web.Request, identity: Identity) -> web.Response:
    """`POST /auth/totp/enable`: turn the second factor on by a code of it."""
    body = await read_body(request, _CODE)
    codes = await request.app[keys.OWN_SECOND_FACTOR].enable(identity.user, body["code"])
    return json_response({"backup_codes": codes})


@operation(
    {204: None},
    body=_BOTH,
    errors=("WRONG_PASSWORD", "INVALID_TOTP", "TOTP_NOT_ENABLED", "TOO_MANY_ATTEMPTS", "BUSY"),
)
async def disable_second_factor(request: web.Request, identity: Identity) -> web.Response:
    """`POST /auth/totp/disable`: turn the second factor off."""
    body = await read_body(request, _BOTH)
    await request.app[keys.OWN_SECOND_FACTOR].disable(identity.user, body["password"], body["code"])
    return no_content()


@operation({200: BackupCodesAnswer}, body=_CODE, errors=("INVALID_TOTP", "TOTP_NOT_ENABLED", "TOO_MANY_ATTEMPTS"))
async def renew_backup_codes(request: web.Request, identity: Identity) -> web.Response:
    """`POST /auth/totp/backup-codes`: new backup codes in place of all former ones."""
    body = await read_body(request, _CODE)
    codes = await request.app[keys.OWN_SECOND_FACTOR].renew_backup_codes(identity.user, body["code"])
    return json_response({"backup_codes": codes})

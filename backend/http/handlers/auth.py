"""Sign-up, sign-in and one's own account: `/api/v1/auth`."""

from aiohttp import web

from backend import keys
from backend.domain.ports import Identity
from backend.domain.users import NewUser, ProfileChange
from backend.http.parsing import identity_if_any, read_body
from backend.http.responses import json_response, no_content
from backend.http.schemas.accounts import (
    ChangePasswordBody,
    DoneAnswer,
    LoginBody,
    ProfileBody,
    RefreshBody,
    RegisterBody,
    RegisteredAnswer,
    SignedInAnswer,
    TokensAnswer,
    UserAnswer,
    render_signed_in,
    render_tokens,
    render_user,
)
from shared.operations import SignIn, operation

_REGISTER, _LOGIN, _REFRESH = RegisterBody(), LoginBody(), RefreshBody()
_PROFILE, _CHANGE_PASSWORD = ProfileBody(), ChangePasswordBody()


@operation(
    {201: RegisteredAnswer},
    body=_REGISTER,
    errors=("INSUFFICIENT_PERMISSIONS", "EMAIL_EXISTS", "WEAK_PASSWORD", "TOO_MANY_ATTEMPTS", "BUSY"),
    sign_in=SignIn.OPTIONAL,
)
async def register(request: web.Request) -> web.Response:
    """`POST /auth/register`: make an account; open to everybody for students."""
    identity = await identity_if_any(request)
    body = await read_body(request, _REGISTER)
    password = body.pop("password")
    wanted = NewUser(**body, password_hash="")
    user = await request.app[keys.ACCOUNTS].register(identity.user if identity else None, wanted, password)
    shown = render_user(user)
    shown.pop("phone")
    return json_response({**shown, "message": "The account has been created."}, 201)


@operation(
    {200: SignedInAnswer},
    body=_LOGIN,
    errors=("INVALID_CREDENTIALS", "TOTP_REQUIRED", "INVALID_TOTP", "TOO_MANY_ATTEMPTS", "BUSY"),
)
async def login(request: web.Request) -> web.Response:
    """`POST /auth/login`: email, password and perhaps a code for tokens."""
    body = await read_body(request, _LOGIN)
    signed_in = await request.app[keys.SESSIONS].login(body["email"], body["password"], body["totp_code"])
    return json_response(render_signed_in(signed_in))


@operation({200: TokensAnswer}, body=_REFRESH, errors=("TOKEN_INVALID",))
async def refresh(request: web.Request) -> web.Response:
    """`POST /auth/refresh`: a refresh token, which serves once, for new tokens."""
    body = await read_body(request, _REFRESH)
    signed_in = await request.app[keys.SESSIONS].refresh(body["refresh_token"])
    return json_response(render_tokens(signed_in.tokens))


@operation({204: None}, body=_REFRESH)
async def logout(request: web.Request, identity: Identity) -> web.Response:
    """`POST /auth/logout`: end the session."""
    body = await read_body(request, _REFRESH)
    await request.app[keys.SESSIONS].logout(identity, body["refresh_token"])
    return no_content()


@operation({200: UserAnswer})
async def profile(_request: web.Request, identity: Identity) -> web.Response:
    """`GET /auth/profile`: who am I?"""
    return json_response(render_user(identity.user))


@operation({200: UserAnswer}, body=_PROFILE)
async def change_profile(request: web.Request, identity: Identity) -> web.Response:
    """`PATCH /auth/profile`: change one's name or phone."""
    body = await read_body(request, _PROFILE)
    user = await request.app[keys.ACCOUNTS].change_profile(identity.user, ProfileChange(**body))
    return json_response(render_user(user))


@operation(
    {200: DoneAnswer},
    body=_CHANGE_PASSWORD,
    errors=("WRONG_PASSWORD", "WEAK_PASSWORD", "TOO_MANY_ATTEMPTS", "BUSY"),
)
async def change_password(request: web.Request, identity: Identity) -> web.Response:
    """`POST /auth/change-password`: a new password; all other sessions end."""
    body = await read_body(request, _CHANGE_PASSWORD)
    sessions = request.app[keys.SESSIONS]
    await sessions.change_password(identity, body["current_password"], body["new_password"])
    return json_response({"message": "The password has been changed."})

"""Other people's accounts, for admins: `/api/v1/users`."""

from functools import partial

from aiohttp import web

from backend import keys
from backend.domain.ports import Identity
from backend.domain.users import NewUser, ProfileChange, User, UserFilter
from backend.http.parsing import read_body, read_query
from backend.http.responses import json_response, no_content, page_response
from backend.http.schemas.accounts import (
    ManagedUserAnswer,
    RegisterBody,
    UserChangeBody,
    UserQuery,
    render_managed_user,
)
from backend.http.schemas.base import page_of, page_request
from shared.operations import operation

_CREATE, _CHANGE, _QUERY = RegisterBody(), UserChangeBody(), UserQuery()


@operation({200: page_of(ManagedUserAnswer)}, query=_QUERY, errors=("INSUFFICIENT_PERMISSIONS",))
async def list_users(request: web.Request, identity: Identity) -> web.Response:
    """`GET /users`: one page, filtered by role, activity and a part of email or name."""
    query = read_query(request, _QUERY)
    wanted = UserFilter(role=query["role"], active=query["active"], search=query["search"])
    found = await request.app[keys.ACCOUNTS].list(identity.user, wanted, page_request(query))
    enabled = await request.app[keys.SECOND_FACTOR].enabled_among([user.id for user in found.items])
    return page_response(found, partial(render_managed_user, enabled))


@operation(
    {201: ManagedUserAnswer},
    body=_CREATE,
    errors=("INSUFFICIENT_PERMISSIONS", "EMAIL_EXISTS", "WEAK_PASSWORD", "BUSY"),
)
async def create_user(request: web.Request, identity: Identity) -> web.Response:
    """`POST /users`: make an account of any role."""
    body = await read_body(request, _CREATE)
    password = body.pop("password")
    user = await request.app[keys.ACCOUNTS].register(identity.user, NewUser(**body, password_hash=""), password)
    return json_response(render_managed_user((), user), 201)


@operation({200: ManagedUserAnswer}, errors=("INSUFFICIENT_PERMISSIONS", "USER_NOT_FOUND"))
async def get_user(request: web.Request, identity: Identity) -> web.Response:
    """`GET /users/{id}`: one account."""
    user = await request.app[keys.ACCOUNTS].get(identity.user, request.match_info["user_id"])
    return await _shown(request, user)


@operation(
    {200: ManagedUserAnswer}, body=_CHANGE, errors=("INSUFFICIENT_PERMISSIONS", "USER_NOT_FOUND", "LAST_ADMIN")
)
async def change_user(request: web.Request, identity: Identity) -> web.Response:
    """`PATCH /users/{id}`: change name, phone, role, or whether the account is active."""
    change = ProfileChange(**await read_body(request, _CHANGE))
    user = await request.app[keys.ACCOUNTS].change(identity.user, request.match_info["user_id"], change)
    return await _shown(request, user)


@operation({204: None}, errors=("INSUFFICIENT_PERMISSIONS", "USER_NOT_FOUND", "LAST_ADMIN"))
async def delete_user(request: web.Request, identity: Identity) -> web.Response:
    """`DELETE /users/{id}`: remove an account."""
    await request.app[keys.ACCOUNTS].delete(identity.user, request.match_info["user_id"])
    return no_content()


@operation({204: None}, errors=("INSUFFICIENT_PERMISSIONS", "USER_NOT_FOUND"))
async def reset_second_factor(request: web.Request, identity: Identity) -> web.Response:
    """`DELETE /users/{id}/totp`: turn off the second factor of somebody who has lost it."""
    await request.app[keys.SECOND_FACTOR].reset(identity.user, request.match_info["user_id"])
    return no_content()


async def _shown(request: web.Request, user: User) -> web.Response:
    enabled = await request.app[keys.SECOND_FACTOR].enabled_among([user.id])
    return json_response(render_managed_user(enabled, user))

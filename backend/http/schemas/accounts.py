"""Bodies and answers of sign-in, profile and the users."""

from collections.abc import Collection
from typing import Any

from marshmallow import fields, validate

from backend.domain.sessions import SignedIn, TokenPair
from backend.domain.users import MAX_EMAIL_LENGTH, MAX_NAME_LENGTH, MAX_PHONE_LENGTH, Role, User
from backend.http.schemas.base import AnswerSchema, PageQuery, RequestSchema, StrictBool, Text
from backend.http.schemas.second_factor import CODE

_NAME = validate.Length(min=1, max=MAX_NAME_LENGTH)
_PHONE = validate.Length(max=MAX_PHONE_LENGTH)
_EMAIL = validate.Length(min=1, max=MAX_EMAIL_LENGTH)
_MAX_SEARCH_LENGTH = 200


class RegisterBody(RequestSchema):
    """`POST /auth/register` and `POST /users`."""

    email = Text(required=True, validate=_EMAIL)
    password = fields.String(required=True)
    full_name = Text(required=True, validate=_NAME)
    phone = Text(load_default=None, validate=_PHONE)
    role = fields.Enum(Role, by_value=True, load_default=Role.STUDENT)


class LoginBody(RequestSchema):
    """`POST /auth/login`."""

    email = Text(required=True, validate=_EMAIL)
    password = fields.String(required=True)
    totp_code = fields.String(
        load_default=None,
        validate=CODE,
        metadata={"description": "Of the second factor, where it is on: from the app, or a backup code."},
    )


class RefreshBody(RequestSchema):
    """`POST /auth/refresh` and `POST /auth/logout`."""

    refresh_token = fields.String(required=True)


class ProfileBody(RequestSchema):
    """`PATCH /auth/profile`."""

    full_name = Text(load_default=None, validate=_NAME)
    phone = Text(load_default=None, validate=_PHONE)


class ChangePasswordBody(RequestSchema):
    """`POST /auth/change-password`."""

    current_password = fields.String(required=True)
    new_password = fields.String(required=True)


class UserChangeBody(ProfileBody):
    """`PATCH /users/{id}`."""

    role = fields.Enum(Role, by_value=True, load_default=None)
    active = StrictBool(load_default=None)


class UserQuery(PageQuery):
    """`GET /users`."""

    role = fields.Enum(Role, by_value=True, load_default=None)
    active = fields.Boolean(load_default=None)
    search = Text(load_default=None, validate=validate.Length(max=_MAX_SEARCH_LENGTH))


class UserAnswer(AnswerSchema):
    """A user as its owner sees it."""

    user_id = fields.UUID()
    email = fields.String()
    full_name = fields.String()
    phone = fields.String(allow_none=True)
    role = fields.Enum(Role, by_value=True)


class RegisteredAnswer(AnswerSchema):
    """An account that was just made."""

    user_id = fields.UUID()
    email = fields.String()
    full_name = fields.String()
    role = fields.Enum(Role, by_value=True)
    message = fields.String()


class ManagedUserAnswer(UserAnswer):
    """A user as an admin sees it; `id` is `user_id`."""

    id = fields.UUID()
    active = fields.Boolean()
    totp_enabled = fields.Boolean(metadata={"description": "Signing in takes a second factor."})


class TokensAnswer(AnswerSchema):
    """Tokens, with OAuth 2.0's names (RFC 6749 section 5.1)."""

    access_token = fields.String()
    refresh_token = fields.String(metadata={"description": "Serves once."})
    expires_in = fields.Integer(metadata={"description": "Seconds that the access token lives."})
    token_type = fields.Constant("Bearer")


class SignedInAnswer(TokensAnswer):
    """Tokens, and whose they are."""

    user = fields.Nested(UserAnswer)


class DoneAnswer(AnswerSchema):
    """That it is done, for people."""

    message = fields.String()


def render_user(user: User) -> dict[str, Any]:
    """Render a user as its owner sees it."""
    return {
        "user_id": user.id,
        "email": user.email,
        "full_name": user.full_name,
        "phone": user.phone,
        "role": user.role.value,
    }


def render_managed_user(with_second_factor: Collection[str], user: User) -> dict[str, Any]:
    """Render a user as an admin sees it; `id` names it as in the path."""
    totp_enabled = user.id in with_second_factor
    return {"id": user.id, **render_user(user), "active": user.active, "totp_enabled": totp_enabled}


def render_tokens(tokens: TokenPair) -> dict[str, Any]:
    """Render tokens with OAuth 2.0's names (RFC 6749 section 5.1)."""
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "expires_in": tokens.expires_in_s,
        "token_type": "Bearer",
    }


def render_signed_in(signed_in: SignedIn) -> dict[str, Any]:
    """Render a sign-in: the tokens and whose they are."""
    return {**render_tokens(signed_in.tokens), "user": render_user(signed_in.user)}

"""Bodies and answers of the second factor."""

from marshmallow import fields, validate

from backend.domain.second_factor import BACKUP_CODES, MAX_CODE_LENGTH
from backend.http.schemas.base import AnswerSchema, RequestSchema

CODE = validate.Length(max=MAX_CODE_LENGTH)


class PasswordBody(RequestSchema):
    """`POST /auth/totp/setup`."""

    password = fields.String(required=True)


class CodeBody(RequestSchema):
    """`POST /auth/totp/enable` and `/auth/totp/backup-codes`."""

    code = fields.String(required=True, validate=CODE)


class PasswordAndCodeBody(PasswordBody, CodeBody):
    """`POST /auth/totp/disable`."""


class SecondFactorAnswer(AnswerSchema):
    """Whether the second factor is on."""

    enabled = fields.Boolean()
    backup_codes_left = fields.Integer(validate=validate.Range(min=0, max=BACKUP_CODES))


class SecretAnswer(AnswerSchema):
    """What an authenticator app needs."""

    secret = fields.String(metadata={"description": "Base32; shown this once."})
    otpauth_uri = fields.String(metadata={"description": "The same, for a QR code."})


class BackupCodesAnswer(AnswerSchema):
    """Codes that serve once each, where the app is not at hand; shown this once."""

    backup_codes = fields.List(fields.String(), validate=validate.Length(equal=BACKUP_CODES))

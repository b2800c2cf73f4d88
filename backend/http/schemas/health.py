"""Answers about how the service is."""

from marshmallow import fields, validate

from backend.http.schemas.base import AnswerSchema

_STATE = validate.OneOf(("ok", "unavailable"))


class HealthAnswer(AnswerSchema):
    """How the service and what it needs are."""

    status = fields.String(validate=validate.OneOf(("ok", "degraded")))
    service = fields.String()
    version = fields.String()
    database = fields.String(validate=_STATE)
    sfu = fields.String(validate=_STATE)


class LiveAnswer(AnswerSchema):
    """All is well."""

    status = fields.Constant("ok")


class ReadyAnswer(AnswerSchema):
    """Send no requests here now."""

    status = fields.Constant("degraded")
    database = fields.Constant("unavailable")

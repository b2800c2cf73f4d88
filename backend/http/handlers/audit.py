"""The audit log, for admins: `/api/v1/audit`."""

from aiohttp import web

from backend import keys
from backend.domain.audit import AuditFilter
from backend.domain.ports import Identity
from backend.http.parsing import read_query
from backend.http.responses import page_response
from backend.http.schemas.audit import AuditEntryAnswer, AuditQuery, render_entry
from backend.http.schemas.base import page_of, page_request
from shared.operations import operation

_QUERY = AuditQuery()


@operation({200: page_of(AuditEntryAnswer)}, query=_QUERY, errors=("INSUFFICIENT_PERMISSIONS",))
async def list_entries(request: web.Request, identity: Identity) -> web.Response:
    """`GET /audit`: one page, newest first, filtered by action, actor, room and time."""
    query = read_query(request, _QUERY)
    page = page_request(query)
    del query["page"], query["per_page"]
    found = await request.app[keys.AUDIT].list(identity.user, AuditFilter(**query), page)
    return page_response(found, render_entry)

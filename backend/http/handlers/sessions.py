"""Where one is signed in: `/api/v1/auth/sessions`."""

from functools import partial

from aiohttp import web

from backend import keys
from backend.domain.ports import Identity
from backend.http.parsing import read_query
from backend.http.responses import no_content, page_response
from backend.http.schemas.base import PageQuery, page_of, page_request
from backend.http.schemas.sessions import SessionAnswer, render_session
from shared.operations import operation

_QUERY = PageQuery()


@operation({200: page_of(SessionAnswer)}, query=_QUERY)
async def list_sessions(request: web.Request, identity: Identity) -> web.Response:
    """`GET /auth/sessions`: one page of one's own sign-ins, the last used first."""
    page = page_request(read_query(request, _QUERY))
    found = await request.app[keys.SESSIONS].list(identity, page)
    return page_response(found, partial(render_session, identity.session_id))


@operation({204: None}, errors=("SESSION_NOT_FOUND",))
async def end_session(request: web.Request, identity: Identity) -> web.Response:
    """`DELETE /auth/sessions/{id}`: sign out elsewhere, or here."""
    await request.app[keys.SESSIONS].end(identity, request.match_info["session_id"])
    return no_content()

"""The WebSocket edge: protoo over `GET /ws`, one handler a method, and what participants are told.

Called by `backend.app` through `setup_signalling`. Speaks to the rules in `backend.domain`; may import `domain`,
`shared`, aiohttp and marshmallow.
"""

from backend.signalling.setup import setup_signalling

__all__ = ["setup_signalling"]

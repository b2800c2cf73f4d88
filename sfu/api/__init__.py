"""The HTTP edge of the SFU's control process: routes, checks of what comes in, and how answers look.

Called by the backend, by probes and by operators; put together in `sfu.app`. It parses, calls `sfu.control` and
renders, and decides nothing else. May import `sfu.control`, `sfu.errors`, `shared`, aiohttp, marshmallow and
prometheus-client.
"""

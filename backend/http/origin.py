"""Where a request comes from, also behind proxies: the address that limits and the audit log go by."""

import ipaddress
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import hdrs, web

from backend import keys
from backend.domain.origin import MAX_USER_AGENT_LENGTH, Origin, coming_from

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def with_origin(request: web.Request, handler: Next) -> web.StreamResponse:
    """Note where the request comes from while it is served."""
    proxies = request.app[keys.SETTINGS].trusted_proxies
    forwarded = request.headers.getall(hdrs.X_FORWARDED_FOR, []) if proxies else []
    agent = request.headers.get(hdrs.USER_AGENT, "")[:MAX_USER_AGENT_LENGTH]
    origin = Origin(client_address(request.remote, forwarded, proxies), "".join(filter(str.isprintable, agent)))
    with coming_from(origin):
        return await handler(request)


def client_address(peer: str | None, forwarded: Sequence[str], proxies: Sequence[Network]) -> str | None:
    """Return the address of the client itself.

    Each proxy appends to X-Forwarded-For whom it was asked by. From the peer backwards an entry counts as long as
    the one after it is a proxy that we trust; anything further left may be the client's invention.

    Args:
        peer: who holds the connection; None for a Unix socket, whose other end is ours.
        forwarded: the values of all X-Forwarded-For headers, in order.
        proxies: whom we believe.
    """
    client = _address(peer or "")
    for entry in reversed([part for value in forwarded for part in value.split(",")]):
        said = _address(entry)
        if said is None or (client is not None and not any(client in network for network in proxies)):
            break
        client = said
    return str(client) if client is not None else peer or None


def _address(text: str) -> Address | None:
    """Read an address, perhaps with a port; an IPv4 address mapped into IPv6 is read as what it is."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address

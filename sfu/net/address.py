"""What the socket module calls an address."""

Address = tuple[str, int] | tuple[str, int, int, int]
"""IPv4 `(host, port)` or IPv6 `(host, port, flowinfo, scope_id)`, just as `recvfrom` returns it."""

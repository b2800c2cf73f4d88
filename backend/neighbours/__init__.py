"""The way to the other backends: asks them directly, over the internal endpoints that each of them has.

Implements `backend.domain.homes.Neighbours`; put together by `backend.cluster`. May import the domain and aiohttp.
"""

from backend.neighbours.client import BackendNeighbours

__all__ = ["BackendNeighbours"]

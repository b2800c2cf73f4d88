"""Lists come in pages: which one is wanted, and what it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

DEFAULT_PER_PAGE = 50
MAX_PER_PAGE = 200
"""Largest page: bounds what one request reads and holds."""

MAX_PAGE = 1_000_000
"""Keeps the offset of the last page far inside PostgreSQL's bigint."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page (from 1) of how many items (1 to `MAX_PER_PAGE`)."""

    page: int = 1
    per_page: int = DEFAULT_PER_PAGE

    def __post_init__(self) -> None:
        if not 1 <= self.page <= MAX_PAGE or not 1 <= self.per_page <= MAX_PER_PAGE:
            raise ValueError("page or per_page out of range")

    @property
    def offset(self) -> int:
        """Number of items before the page."""
        return (self.page - 1) * self.per_page


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The items of one page and the number of all items on all pages."""

    items: Sequence[T]
    total: int
    request: PageRequest

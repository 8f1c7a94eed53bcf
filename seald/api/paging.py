"""Query parameters of every list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Protocol, TypeVar

from fastapi import Query

from seald.api.shapes import Listing
from seald.errors import NotFound

After = Annotated[str | None, Query(max_length=200, description="Id of the last item of the page before")]
Limit = Annotated[int, Query(ge=1, le=100)]
Most = Annotated[int | None, Query(ge=1, le=100, description="All where it is left out")]
"""Of lists that are short enough to be asked for as a whole."""

LARGEST = 2**31 - 1
"""Of a number that a client names: what a database column holds."""

AfterNumber = Annotated[int, Query(ge=0, le=LARGEST, description="Id of the last item of the page before: a number")]


class Listed(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> str:
        """What the next page is asked for after."""
        ...


T = TypeVar("T", bound=Listed)


def listing(items: Sequence[T], after: str | None, limit: int | None) -> Listing[T]:
    """Of `items`, those after the id `after`, at most `limit`. Raises NotFound (param `after`)."""
    ids = [item.id for item in items]
    if after is not None and after not in ids:
        raise NotFound(f"there is no {after!r} to list after", param="after")
    rest = items[ids.index(after) + 1 if after is not None else 0 :]
    page = rest if limit is None else rest[:limit]
    return Listing(data=list(page), has_more=len(page) < len(rest))

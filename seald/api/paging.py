"""Query parameters of every list."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

After = Annotated[str | None, Query(max_length=200, description="Id of the last item of the page before")]
Limit = Annotated[int, Query(ge=1, le=100)]

LARGEST = 2**31 - 1
"""Of a number that a client names: what a database column holds."""

AfterNumber = Annotated[int, Query(ge=0, le=LARGEST, description="Id of the last item of the page before: a number")]

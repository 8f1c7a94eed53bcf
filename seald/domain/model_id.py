"""Model ids: what a client names to say which version is to answer."""

from __future__ import annotations

import re

from seald.domain.document import COLLECTION_NAME
from seald.domain.feedback import BASE_MODEL
from seald.domain.task import LINEAGE, TASK_NAME
from seald.errors import NotFound

MODEL_ID = re.compile(
    rf"seald(?::(?P<collection>{COLLECTION_NAME.pattern}|{LINEAGE}{TASK_NAME.pattern})"
    r"(?:@(?P<version>[1-9][0-9]{0,8}))?)?"
)


def parse_model_id(model: str) -> tuple[str | None, int | None]:
    """`seald` → ("default", None); `seald:c` → (c, None); `seald:c@n` → (c, n); `base` → (None, None).

    `c` is a collection, or of a task `task/<name>`.

    Raises:
        NotFound: code `model_not_found`, for anything else.
    """
    if model == BASE_MODEL:
        return None, None
    match = MODEL_ID.fullmatch(model)
    if match is None:
        raise unknown_model(model)
    version = match["version"]
    return match["collection"] or "default", int(version) if version else None


def unknown_model(model: str) -> NotFound:
    """The error for an id that names nothing, or nothing that this client may ask for."""
    return NotFound(
        f"there is no model {model[:200]!r}; ask for 'seald', 'seald:<collection>', 'seald:task/<name>', either of "
        "them with '@<n>', or 'base' (GET /v1/models lists them)",
        param="model",
        code="model_not_found",
    )

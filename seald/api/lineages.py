"""Names of lineages in addresses: a collection's, or a task's, which holds a slash.

`/v1/adapters/task/7` is version 7 of a collection `task` where there is one, and else what has learned a task `7`.
"""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor

from seald.api.services import Services
from seald.domain.task import LINEAGE, TASK_NAME
from seald.errors import NotFound


class _Lineage(Convertor[str]):
    regex = rf"{LINEAGE}{TASK_NAME.pattern}|[^/]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _Digits(_Lineage):
    """A number as it was written: it may be a task's name, which may begin with a nought."""

    regex = r"[0-9]{1,58}"


register_url_convertor("lineage", _Lineage())
register_url_convertor("digits", _Digits())


def require_lineage(services: Services, name: str) -> None:
    """Raise NotFound unless there is such a collection, or such a task."""
    # Also keeps names with path characters away from the file system.
    if name not in services.adapters.lineages():
        raise NotFound(
            f"there is no collection or task {name[:200]!r}; GET /v1/adapters lists them", param="collection"
        )


def names_task(services: Services, collection: str, last: str) -> bool:
    """Whether `collection/last` is a task's lineage, and `last` nothing of a collection's."""
    names = services.adapters.lineages()
    if f"{collection}/{last}" not in names:
        return False
    if collection not in names:
        return True
    return last.isdigit() and int(last) not in {v.version for v in services.adapters.of_collection(collection)}

"""What `/openapi.json` says of keys: a middleware asks for them, so FastAPI does not know."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from seald.api.scopes import need_of

SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key of `seald keys create`. None is asked for on loopback as long as there is none.",
}


def describe_keys(app: FastAPI) -> None:
    """Let the description of `app` name with each operation the scope that a key needs for it."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = made()
            described.setdefault("components", {})["securitySchemes"] = {"key": SCHEME}
            for path, item in described["paths"].items():
                for method, operation in item.items():
                    if (need := need_of(method.upper(), path)) is not None:
                        operation["security"] = [{"key": [need.scope] if need.scope else []}, {}]
        return app.openapi_schema or made()

    app.openapi = openapi  # type: ignore[method-assign]

"""Sleep and wake without vLLM's development routes, which would also let a caller run code in its workers.

They stand below `/v1`, where vLLM asks for the key.
"""

from __future__ import annotations

from typing import Any

PREFIX = "/v1/engine"


def install() -> None:
    """Have the API server offer them, before it is built."""
    from vllm.entrypoints.launchers import app as launcher

    register = launcher.register_api_routers

    def with_sleep(args: Any, app: Any, *rest: Any, **named: Any) -> None:
        from vllm.entrypoints.serve.dev.sleep.api_router import router

        register(args, app, *rest, **named)
        app.include_router(router, prefix=PREFIX)

    launcher.register_api_routers = with_sleep

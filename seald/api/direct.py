"""Routes that are asked a thousand times a second."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import Match, Route
from starlette.types import Scope


class DirectRoute(Route):
    """Starlette's route, which leaves its template in the scope as FastAPI's does."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As Starlette's."""
        match, child = super().matches(scope)
        return match, child if match is Match.NONE else {**child, "route": self}


def direct(router: APIRouter) -> list[DirectRoute]:
    """The same routes past FastAPI, for functions that take the request alone.

    Its way to such a function (included routers, dependencies, exit stacks) costs a fifth of what the daemon spends on
    a short chat. The router itself stays for `/openapi.json`.
    """
    routes = (route for route in router.routes if isinstance(route, APIRoute))
    return [DirectRoute(route.path, route.endpoint, methods=sorted(route.methods or ())) for route in routes]

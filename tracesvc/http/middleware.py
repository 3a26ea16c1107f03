"""What every request goes through: an id, its log context, its time, its caller, its problems."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from uuid import UUID

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from structlog import get_logger
from structlog.contextvars import bind_contextvars, clear_contextvars

from tracesvc.domain.errors import StoreError, TraceError
from tracesvc.http.auth import require_role
from tracesvc.http.problems import defect_response, http_problem, problem_response, status_of
from tracesvc.http.route import Route
from tracesvc.http.services import CALLER, SERVICES
from tracesvc.telemetry import HTTP_SECONDS

_log = get_logger(__name__)
_UUID_BYTES: Final = 16
_NO_ROUTE: Final = "(none)"


def middlewares(routes: tuple[Route, ...]) -> tuple[Middleware, ...]:
    """Return the stack, outermost first."""
    by_handler = {route.handler: route for route in routes}
    return (_outer(by_handler), _authenticated(by_handler))


def _outer(routes: Mapping[Handler, Route]) -> Middleware:
    @web.middleware
    async def outer(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Measure, name and log the request; turn whatever goes wrong into a problem document."""
        loop = asyncio.get_running_loop()
        route = routes.get(request.match_info.handler)
        name = route.path if route else _NO_ROUTE
        request_id = UUID(bytes=request.app[SERVICES].random_bytes(_UUID_BYTES), version=4)
        started_s = loop.time()
        # A connection is one task for all its requests: nothing of the last one may stay bound.
        clear_contextvars()
        bind_contextvars(request_id=str(request_id))
        response = await _answer(request, handler, request_id=request_id)
        elapsed_s = loop.time() - started_s
        HTTP_SECONDS.labels(name, request.method, response.status).observe(elapsed_s)
        _log.info(
            "request answered",
            method=request.method,
            route=name,
            status=response.status,
            elapsed_ms=round(elapsed_s * 1000, 1),
        )
        return response

    return outer


async def _answer(
    request: web.Request, handler: Handler, *, request_id: UUID
) -> web.StreamResponse:
    try:
        response = await handler(request)
    except TraceError as error:
        if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error(
                "request failed",
                error_code=error.error_code,
                detail=error.detail,
                exc_info=_worth(error),
            )
        response = problem_response(error, request_id=request_id)
    except web.HTTPException as failure:
        response = http_problem(failure, request_id=request_id)
    except Exception:  # noqa: BLE001  (the last resort: nothing unforeseen reaches the caller)
        _log.exception("request met a defect")
        response = defect_response(request_id=request_id)
    response.headers["X-Request-Id"] = str(request_id)
    return response


def _worth(error: TraceError) -> TraceError | None:
    """Return the error where its trace helps: a database that is away explains itself."""
    return error if type(error) in {StoreError, TraceError} else None


def _authenticated(routes: Mapping[Handler, Route]) -> Middleware:
    @web.middleware
    async def authenticated(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request in whose key has one of the roles its route needs."""
        route = routes.get(request.match_info.handler)
        if route is None or route.roles is None:
            return await handler(request)
        caller = await request.app[SERVICES].authority.caller(request)
        require_role(caller, route.roles)
        request[CALLER] = caller
        bind_contextvars(key_id=caller.key_id, party_id=caller.party_id)
        return await handler(request)

    return authenticated

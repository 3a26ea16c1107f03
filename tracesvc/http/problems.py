"""The only place where an error becomes an answer: TraceError to an RFC 9457 problem document."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from aiohttp import web

from tracesvc.domain.errors import (
    AlreadyThere,
    BadParameter,
    Busy,
    KeyReused,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    StoreError,
    StoreUnavailable,
    TooLarge,
    TraceError,
    Unreadable,
)
from tracesvc.wire.messages import message_for
from tracesvc.wire.replies import Problem

PROBLEM_TYPE: Final = "application/problem+json"

STATUSES: Final[Mapping[type[TraceError], HTTPStatus]] = MappingProxyType(
    {
        Unreadable: HTTPStatus.BAD_REQUEST,
        BadParameter: HTTPStatus.BAD_REQUEST,
        NotAuthenticated: HTTPStatus.UNAUTHORIZED,
        NotAllowed: HTTPStatus.FORBIDDEN,
        NotFound: HTTPStatus.NOT_FOUND,
        KeyReused: HTTPStatus.CONFLICT,
        AlreadyThere: HTTPStatus.CONFLICT,
        TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        Busy: HTTPStatus.TOO_MANY_REQUESTS,
        StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
        StoreError: HTTPStatus.INTERNAL_SERVER_ERROR,
        TraceError: HTTPStatus.INTERNAL_SERVER_ERROR,
    }
)
"""Status of each error, most special class first."""

_RETRY_AFTER_S: Final = 1


def problem_response(error: TraceError, *, request_id: UUID) -> web.Response:
    """Answer one error. Of an error that is ours, the caller learns the id and nothing more."""
    status = status_of(error)
    ours = status is HTTPStatus.INTERNAL_SERVER_ERROR
    return _response(
        status,
        error_code="internal" if ours else error.error_code,
        detail="" if ours else error.detail,
        request_id=request_id,
        extra={} if ours else error.extra,
    )


def http_problem(failure: web.HTTPException, *, request_id: UUID) -> web.Response:
    """Answer what the HTTP library found wrong by itself: no such path, or a method it has not."""
    status = HTTPStatus(failure.status)
    known = {
        HTTPStatus.NOT_FOUND: "no_such_path",
        HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    }
    response = _response(
        status,
        error_code=known.get(status, "bad_request"),
        detail=failure.reason,
        request_id=request_id,
        extra={},
    )
    if allow := failure.headers.get("Allow"):
        response.headers["Allow"] = allow
    return response


def defect_response(*, request_id: UUID) -> web.Response:
    """Answer an exception nobody foresaw."""
    return problem_response(TraceError("internal"), request_id=request_id)


def status_of(error: TraceError) -> HTTPStatus:
    for known, status in STATUSES.items():
        if isinstance(error, known):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def _response(
    status: HTTPStatus,
    *,
    error_code: str,
    detail: str,
    request_id: UUID,
    extra: Mapping[str, Any],
) -> web.Response:
    # An unreadable upload says why; that reason has a title and a remedy of its own.
    message = message_for(str(extra.get("reason", error_code)))
    problem = Problem(
        type=f"urn:tracesvc:error:{error_code}",
        title=message.en,
        title_zh=message.zh,
        status=status,
        detail=detail,
        error_code=error_code,
        request_id=request_id,
        extra=dict(extra),
    )
    headers = {}
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        headers["Retry-After"] = str(extra.get("retry_after_s", _RETRY_AFTER_S))
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="tracesvc"'
    return web.Response(
        body=problem.model_dump_json(exclude_none=True).encode(),
        status=status,
        content_type=PROBLEM_TYPE,
        headers=headers,
    )

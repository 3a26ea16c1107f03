"""The OpenAPI 3.1 document, built from the route table and the models the routes name."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from aiohttp import web

from tracesvc.http.problems import PROBLEM_TYPE
from tracesvc.http.route import Model, Parameter, Route
from tracesvc.wire.replies import Problem

DOCUMENT: Final = web.AppKey("openapi_document", bytes)
_REF: Final = "#/components/schemas/{model}"
_JSON: Final = "application/json"
_INFO: Final = {
    "title": "tracesvc",
    "summary": "药品疫苗追溯服务 · Traceability for drugs and vaccines",
    "description": (
        "每一次扫码都成为日志中不可更改的事实；流向、发现与稽核都由日志推出，可重建、可解释、可证明。\n\n"
        "Every scan becomes an immutable fact in one log; custody, findings and audits are pure "
        "functions of that log, so they can be rebuilt, explained and proven.\n\n"
        "Errors are problem documents (RFC 9457) with a stable `error_code`. Lists are paged by "
        "cursor: send `next_cursor` of one page as `cursor` of the next."
    ),
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}
_SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "API key (tsk_…)"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_ALWAYS: Final = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)
_WITH_KEY: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def document(routes: Iterable[Route], *, release: str) -> bytes:
    """Return the document as JSON, one operation for every route and nothing else."""
    schemas: dict[str, Any] = {}
    _use(Problem, schemas)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {**_INFO, "version": release},
            "servers": [{"url": "/"}],
            "paths": paths,
            "components": {"schemas": schemas, "securitySchemes": _SECURITY},
        }
    )


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "security": [] if route.roles is None else [{"bearer": []}, {"apiKey": []}],
        "responses": _responses(route, schemas),
    }
    if text := _text_of(route):
        operation["description"] = text
    if route.parameters:
        operation["parameters"] = [_parameter(parameter) for parameter in route.parameters]
    if route.sends:
        operation["requestBody"] = {
            "required": True,
            "content": {
                media: {"schema": _schema(s, schemas)} for media, s in route.sends.items()
            },
        }
    return operation


def _text_of(route: Route) -> str:
    roles = "" if route.roles is None else f"Roles: {', '.join(sorted(route.roles))}."
    return "\n\n".join(part for part in (route.text, roles) if part)


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.text,
        "required": parameter.required or parameter.where == "path",
        "schema": parameter.schema,
    }


def _responses(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, (media, model) in route.replies.items():
        schema = {"type": "string"} if isinstance(model, str) else _schema(model, schemas)
        text = model if isinstance(model, str) else status.phrase
        responses[str(status.value)] = {
            "description": text,
            "content": {media: {"schema": schema}},
        }
    problems = {*route.problems, *(() if route.roles is None else (*_WITH_KEY, *_ALWAYS))}
    for status in sorted(problems):
        responses.setdefault(str(status.value), _problem(status))
    return responses


def _problem(status: HTTPStatus) -> dict[str, Any]:
    return {
        "description": status.phrase,
        "content": {PROBLEM_TYPE: {"schema": {"$ref": _REF.format(model=Problem.__name__)}}},
    }


def _schema(shape: "Mapping[str, Any] | Model", schemas: dict[str, Any]) -> Mapping[str, Any]:
    return shape if isinstance(shape, Mapping) else _use(shape, schemas)


def _use(model: Model, schemas: dict[str, Any]) -> dict[str, Any]:
    """Add a model and its parts to the components; return the reference to it."""
    if model.__name__ not in schemas:
        schema = model.model_json_schema(ref_template=_REF, mode="serialization")
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    return {"$ref": _REF.format(model=model.__name__)}

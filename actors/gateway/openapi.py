"""The OpenAPI document of everything mounted, built from the descriptions the routes were mounted with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from actors.kit.web.errors import TRACE_HEADER
from actors.kit.web.site import Json, Operation, Parameter, Route

ERROR_SCHEMA: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "hint"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "hint": {"type": "string"}},
        }
    },
}
TRACE: Json = {"description": "finds this request in the logs", "schema": {"type": "string"}}
RETRY: Json = {"description": "seconds until it is worth asking again", "schema": {"type": "integer"}}
EVERY_ROUTE_ERRORS = (400, 401, 403, 500, 503, 504)


def document(routes: Iterable[Route], version: str) -> Json:
    """An OpenAPI 3.1 document; paths in mounting order."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Brume", "version": version},
        "paths": paths,
        "components": {
            "schemas": {"Error": ERROR_SCHEMA},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _operation(route: Route) -> Json:
    operation = route.operation
    spec: Json = {
        "summary": operation.summary,
        "operationId": _identity(route),
        "parameters": [_parameter(parameter) for parameter in operation.parameters],
        "responses": {"200": _answer(operation)} | {str(status): _error(status) for status in _errors(operation)},
    }
    if operation.body is not None:
        spec["requestBody"] = {"required": True, "content": operation.body}
    return spec


def _identity(route: Route) -> str:
    return "_".join([route.method.lower(), *re.findall(r"\w+", route.path)])


def _parameter(parameter: Parameter) -> Json:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.required or parameter.where == "path",
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _answer(operation: Operation) -> Json:
    headers = {name: {"description": text, "schema": {"type": "string"}} for name, text in operation.headers}
    return {
        "description": HTTPStatus.OK.phrase,
        "headers": {TRACE_HEADER: TRACE, **headers},
        "content": {operation.answer: {"schema": operation.schema}},
    }


def _errors(operation: Operation) -> list[int]:
    return sorted({*operation.errors, *EVERY_ROUTE_ERRORS})


def _error(status: int) -> Json:
    retry = {"Retry-After": RETRY} if status in (429, 503) else {}
    return {
        "description": HTTPStatus(status).phrase,
        "headers": {TRACE_HEADER: TRACE, **retry},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }

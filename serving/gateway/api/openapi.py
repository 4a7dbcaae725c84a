"""The API's description: the payment as the definitions have it, and the structs of the responses."""

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from fraud.messages.transaction import transaction_type
from fraud.schema import Label
from fraud.settings import Settings
from serving.gateway.answers import DecisionAnswer, DecisionRecord
from serving.gateway.api.responses import ErrorBody

_REF = "#/components/schemas/{name}"
_PAYMENT = "Transaction"
_ID = {"type": "string", "minLength": 1, "maxLength": 64}
_ERRORS = {
    400: "the body is not JSON",
    401: "a valid API key or access token is needed",
    403: "the caller lacks the scope",
    404: "no payment of the last minutes has this id",
    408: "the request took too long",
    409: "the id belongs to another payment, or to payments of several cards",
    413: "the body is too long",
    415: "the body must be application/json",
    421: "without a key only a loopback name as host is allowed",
    422: "the request is not what it should be, or the engine refused the payment",
    429: "more requests a second than the caller's rate",
    503: "too busy, or Kafka is; try again after Retry-After",
}
_ALWAYS = (401, 403, 421, 429, 503)
_WITH_BODY = (400, 408, 413, 415, 422)
_RETRY = {"Retry-After": {"description": "seconds", "schema": {"type": "string"}}}


def describe(app: FastAPI, settings: Settings) -> None:
    """Give the application its OpenAPI document."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, settings)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI, settings: Settings) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    kinds = (transaction_type(settings.loaded_definitions), DecisionAnswer, DecisionRecord, Label, ErrorBody)
    _, schemas = msgspec.json.schema_components(kinds, ref_template=_REF)
    _allow_numbers(schemas)
    _narrow(schemas[_PAYMENT]["properties"], settings)
    paths = document["paths"]
    components = {"schemas": schemas}
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    document["components"] = components
    document["security"] = [{"key": []}]
    paths["/v1/decisions"]["post"] |= _decide(settings)
    paths["/v1/decisions/{transaction_id}"]["get"] |= _get_decision()
    paths["/v1/reviews"]["post"] |= _review()
    for path in ("/live", "/ready"):
        paths[path]["get"] |= {"security": [], "responses": _health(path)}
    return document


def _decide(settings: Settings) -> dict[str, Any]:
    gateway = settings.gateway
    deadline = {
        "name": "X-Deadline-Ms",
        "in": "header",
        "description": f"until the fallback is answered; {gateway.deadline_ms} unless given",
        "schema": {"type": "integer", "minimum": 1, "maximum": gateway.max_deadline_ms},
    }
    return {
        "parameters": [deadline],
        "requestBody": _json_body(_PAYMENT),
        "responses": _success(200, "the decision, or the fallback", "DecisionAnswer")
        | _errors(*_ALWAYS, *_WITH_BODY, 409),
    }


def _get_decision() -> dict[str, Any]:
    parameters = [
        {"name": "transaction_id", "in": "path", "required": True, "schema": {"type": "string"}},
        {"name": "card_id", "in": "query", "schema": {"type": "string"}},
    ]
    return {
        "parameters": parameters,
        "responses": _success(200, "what is known", "DecisionRecord") | _errors(*_ALWAYS, 404, 409),
    }


def _review() -> dict[str, Any]:
    return {
        "requestBody": _json_body("Label"),
        "responses": _success(201, "Kafka has the label", "Label") | _errors(*_ALWAYS, *_WITH_BODY),
    }


def _health(path: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}}}
    found: dict[str, Any] = {"200": {"description": "yes", "content": content}}
    return found | ({"503": {"description": "not yet", "content": content}} if path == "/ready" else {})


def _json_body(name: str) -> dict[str, Any]:
    return {"required": True, "content": _content(name)}


def _success(status: int, text: str, name: str) -> dict[str, Any]:
    return {str(status): {"description": text, "content": _content(name)}}


def _errors(*statuses: int) -> dict[str, Any]:
    return {
        str(status): {"description": _ERRORS[status], "content": _content("ErrorBody")}
        | ({"headers": _RETRY} if status in (429, 503) else {})
        for status in sorted(statuses)
    }


def _content(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(name=name)}}}


def _allow_numbers(schemas: dict[str, Any]) -> None:
    """A decimal may be a text or a number; msgspec describes the text only."""
    for schema in schemas.values():
        for name, field in schema.get("properties", {}).items():
            if field.get("format") == "decimal":
                schema["properties"][name] = {"anyOf": [_DECIMAL_TEXT, {"type": "number"}]}


def _narrow(properties: dict[str, Any], settings: Settings) -> None:
    """What admission checks beyond the types, as far as a schema can say it."""
    fields = settings.loaded_definitions.field_by_name
    narrower = {"currency": {"pattern": "^[A-Z]{3}$"}, "timestamp": {"minimum": settings.admission.earliest}}
    for name, rules in narrower.items():
        path = fields[name].path
        if len(path) == 1:
            properties[path[0]] = properties[path[0]] | rules


_DECIMAL_TEXT = {"type": "string", "pattern": r"^-?[0-9]{1,15}(\.[0-9]{1,4})?$"}

"""Responses: JSON by msgspec, and errors in the one form that all routes use."""

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import Response

_encode = msgspec.json.Encoder().encode


class FieldFault(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong with a request; `field` is the path in the body, the header or the parameter."""

    message: str
    field: str | None = None


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of every response that is an error."""

    error: FieldFault


class JsonResponse(Response):
    """JSON that is encoded already."""

    media_type = "application/json"


def json_response(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A response with this content."""
    return JsonResponse(_encode(content), status, dict(headers or {}))


def error_response(
    status: int, message: str, field: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """A response that says what is wrong."""
    return json_response(ErrorBody(FieldFault(message, field)), status, headers)


RETRY_SOON = {"Retry-After": "1"}

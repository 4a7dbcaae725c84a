"""Responses to invalid requests: where and why, but nothing of the input."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse


def hide_input_in_errors(app: FastAPI) -> None:
    """Replace FastAPI's response, which repeats the input: it may be a password in the wrong field."""
    app.add_exception_handler(RequestValidationError, _respond)


def _respond(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return JSONResponse({"detail": [_detail(one) for one in error.errors()]}, 422)


def _detail(fault: dict[str, Any]) -> dict[str, Any]:
    unknown = fault["type"] == "extra_forbidden"
    return {
        "type": fault["type"],
        # The name of a field that does not exist is input too.
        "loc": [*fault["loc"][:-1], "(unknown)"] if unknown else list(fault["loc"]),
        "msg": _message(fault),
    }


def _message(fault: dict[str, Any]) -> str:
    """Pydantic's message without what follows a comma, which may quote the input, as for a UUID."""
    message = str(fault["msg"])
    return message.partition(",")[0] if fault["type"].endswith("_parsing") else message

"""What is said of a request that is not as it should be: where and why, but nothing of what it brought."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse


def answer_without_echo(app: FastAPI) -> None:
    """FastAPI's own answer repeats the input, which may be a password in the wrong field."""
    app.add_exception_handler(RequestValidationError, _answer)


def _answer(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return JSONResponse({"detail": [_told(one) for one in error.errors()]}, 422)


def _told(fault: dict[str, Any]) -> dict[str, Any]:
    unknown = fault["type"] == "extra_forbidden"
    return {
        "type": fault["type"],
        # The name of a field that does not exist is input too.
        "loc": [*fault["loc"][:-1], "(unknown)"] if unknown else list(fault["loc"]),
        "msg": _message(fault),
    }


def _message(fault: dict[str, Any]) -> str:
    """Pydantic's, of which the part behind a comma may quote the input, as the one of a UUID does."""
    message = str(fault["msg"])
    return message.partition(",")[0] if fault["type"].endswith("_parsing") else message

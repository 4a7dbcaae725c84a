"""Refusals because another person was there first: what happened, and how to do it all the same."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

KNOWN_LENGTH = 64
"""The longest token."""


class ConflictError(Exception):
    """Another person was there first.

    Attributes:
        details: who (`by`), `what`, when (`at`, ms UTC), and the `token` that repeats the request knowingly.
    """

    def __init__(self, text: str, token: str, by: str, what: str, at: int) -> None:
        moment = datetime.fromtimestamp(at / 1_000, UTC)
        super().__init__(f"{text} ({moment:%H:%M:%S} UTC, {moment:%d %B %Y})")
        self.details: dict[str, Any] = {"by": by, "what": what, "at": at, "token": token}


def refuse_unless_known(known: Collection[str], error: ConflictError) -> None:
    """Raise the refusal unless the request says that it was seen."""
    if error.details["token"] not in known:
        raise error


def answer_conflicts(app: FastAPI) -> None:
    """Answer with 409: `detail` says what happened, `conflict` has it in parts."""
    app.add_exception_handler(ConflictError, _respond)


def _respond(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ConflictError)
    return JSONResponse({"detail": str(error), "conflict": error.details}, 409)

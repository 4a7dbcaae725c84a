"""The body of a request, read before anything else sees it, as far as there may be one."""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import Message, Receive

MOST_BYTES = 64 * 1_024
_PATIENCE_S = 20.0


class RefusedBodyError(Exception):
    """The body cannot be taken; `status` and the text are the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


async def read_body(headers: Headers, receive: Receive, *, must_tell: bool) -> Receive:
    """Read the whole body and return a `receive` that gives it once more.

    What counts is what arrives: the header may be missing (chunked encoding), untrue, or stand beside it.

    Args:
        headers: of the request.
        receive: gives the body.
        must_tell: whether a request without a length is refused.

    Raises:
        RefusedBodyError: it is too long, does not tell its length, or takes too long.
    """
    length = headers.get("content-length", "" if must_tell else "0")
    if not (length.isascii() and length.isdigit()) or int(length[:20]) > MOST_BYTES:
        raise RefusedBodyError(413, "the request is too long or does not tell its length")
    try:
        async with asyncio.timeout(_PATIENCE_S):
            first = await _whole(receive)
    except TimeoutError:
        raise RefusedBodyError(408, "the request took too long") from None
    return _again(first, receive)


async def _whole(receive: Receive) -> Message:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return message
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BYTES:
            raise RefusedBodyError(413, "the request is too long")
        if not message.get("more_body", False):
            return {"type": "http.request", "body": b"".join(parts), "more_body": False}


def _again(first: Message, receive: Receive) -> Receive:
    kept = [first]

    async def give() -> Message:
        with suppress(IndexError):
            return kept.pop()
        return await receive()

    return give

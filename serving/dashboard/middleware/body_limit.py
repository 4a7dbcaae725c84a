"""Reads the body of a request up to a limit, before any route sees it."""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import Message, Receive

MAX_BYTES = 64 * 1_024
_READ_TIMEOUT_S = 20.0


class RefusedBodyError(Exception):
    """The body is not accepted; `status` and the text are the response."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


async def read_body(
    headers: Headers,
    receive: Receive,
    *,
    length_required: bool,
    max_bytes: int = MAX_BYTES,
    timeout_s: float | None = None,
) -> Receive:
    """Read the whole body and return a `receive` that gives it once more.

    The bytes that arrive count: `Content-Length` may be missing (chunked encoding) or wrong.

    Args:
        headers: of the request.
        receive: gives the body.
        length_required: whether a request without a length is refused.
        max_bytes: that a body may have.
        timeout_s: until all of it must have arrived; None: the dashboard's.

    Raises:
        RefusedBodyError: it is too long, has no length, or takes too long.
    """
    length = headers.get("content-length", "" if length_required else "0")
    if not (length.isascii() and length.isdigit()) or int(length[:20]) > max_bytes:
        raise RefusedBodyError(413, "the request is too long or has no Content-Length")
    try:
        async with asyncio.timeout(_READ_TIMEOUT_S if timeout_s is None else timeout_s):
            body = await _read_all(receive, max_bytes)
    except TimeoutError:
        raise RefusedBodyError(408, "the request took too long") from None
    return _replay(body, receive)


async def _read_all(receive: Receive, max_bytes: int) -> Message:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return message
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > max_bytes:
            raise RefusedBodyError(413, "the request is too long")
        if not message.get("more_body", False):
            return {"type": "http.request", "body": b"".join(parts), "more_body": False}


def _replay(body: Message, receive: Receive) -> Receive:
    pending = [body]

    async def receive_again() -> Message:
        with suppress(IndexError):
            return pending.pop()
        return await receive()

    return receive_again

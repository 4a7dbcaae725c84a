"""Masks card numbers in whatever the dashboard answers: of old histories, and in texts that people write."""

from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fraud.cards.masking import mask_bytes

REVEALING_PATHS = ("/api/reveal",)
"""Routes whose purpose is to show a number; each is for the role admin, and audited."""

_TEXTS = (b"application/json", b"text/")


class CardMaskingMiddleware:
    """Masks every chunk of a response that is text; masked bytes are as long as before."""

    def __init__(self, app: ASGIApp, revealing: Sequence[str] = REVEALING_PATHS) -> None:
        self._app, self._revealing = app, revealing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"] in self._revealing:
            await self._app(scope, receive, send)
            return
        is_text = False

        async def send_masked(message: Message) -> None:
            nonlocal is_text
            if message["type"] == "http.response.start":
                is_text = _is_text(message)
            elif is_text and message.get("body"):
                message = {**message, "body": mask_bytes(message["body"])}
            await send(message)

        await self._app(scope, receive, send_masked)


def _is_text(message: Message) -> bool:
    """Whether a response has a text that is not compressed."""
    headers = dict(message.get("headers", ()))
    return headers.get(b"content-type", b"").startswith(_TEXTS) and b"content-encoding" not in headers

"""From the follower's thread to the browsers: each event is written out once and handed to every viewer."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import msgspec

_MOST_WAITING = 64


class Viewer:
    """One open page; a slow one loses the oldest events and is told so."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque(maxlen=_MOST_WAITING)
        self._wake = asyncio.Event()
        self._lost = False

    def hand(self, event: bytes) -> None:
        """Give it an event, from the event loop's thread."""
        self._lost |= len(self._waiting) == _MOST_WAITING
        self._waiting.append(event)
        self._wake.set()

    async def next(self) -> bytes:
        """All that waits; the figures, which come each second, keep the line open."""
        await self._wake.wait()
        self._wake.clear()
        told = [encode_event("lost", {})] if self._lost else []
        told += self._waiting
        self._waiting.clear()
        self._lost = False
        return b"".join(told)


class Hub:
    """Knows the open pages. `publish` may be called from any thread."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = False

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Events go through this loop from now on."""
        self._loop = loop

    def close(self) -> None:
        """End every stream, from the event loop's thread."""
        self._closing = True
        self.publish("bye", {})

    def __len__(self) -> int:
        return len(self._viewers)

    def publish(self, name: str, data: Any) -> None:
        """Hand an event to all; nobody is waited for."""
        if self._loop is not None and self._viewers and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hand_out, encode_event(name, data))

    async def stream(self, first: list[bytes]) -> AsyncIterator[bytes]:
        """The events for one page from now on; `first` comes first."""
        viewer = Viewer()
        self._viewers.add(viewer)
        try:
            for event in first:
                yield event
            while not self._closing:
                yield await viewer.next()
        finally:
            self._viewers.discard(viewer)

    def _hand_out(self, event: bytes) -> None:
        for viewer in self._viewers:
            viewer.hand(event)


def encode_event(name: str, data: Any) -> bytes:
    """One server-sent event; JSON has no line breaks of its own."""
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"

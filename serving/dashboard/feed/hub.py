"""Server-sent events for open pages: each event is encoded once and sent to every subscriber."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

_MAX_QUEUED = 64
_OF_EACH_REPLICA = {"bye", "cases", "decisions", "figures", "kafka", "lost", "viewers"}
"""Events that every replica has by itself."""


class Subscriber:
    """One open page; a slow one loses the oldest events and receives `lost`."""

    def __init__(self) -> None:
        self._queued: deque[bytes] = deque(maxlen=_MAX_QUEUED)
        self._wake = asyncio.Event()
        self._lost = False

    def send(self, event: bytes) -> None:
        """Queue an event; called in the event loop's thread."""
        self._lost |= len(self._queued) == _MAX_QUEUED
        self._queued.append(event)
        self._wake.set()

    async def next(self) -> bytes:
        """The queued events; figures each second keep the connection open."""
        await self._wake.wait()
        self._wake.clear()
        events = [encode_event("lost", {})] if self._lost else []
        events += self._queued
        self._queued.clear()
        self._lost = False
        return b"".join(events)


class Hub:
    """The open pages. `publish` may be called from any thread.

    Args:
        send: hands an encoded event to the other replicas, if there may be any.
    """

    def __init__(self, send: Callable[[bytes], None] | None = None) -> None:
        self._send = send
        self._subscribers: set[Subscriber] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = False

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Send events through this event loop."""
        self._loop = loop

    def close(self) -> None:
        """End every stream; called in the event loop's thread."""
        self._closing = True
        self.publish("bye", {})

    def __len__(self) -> int:
        return len(self._subscribers)

    @property
    def has_listeners(self) -> bool:
        """Whether a page may be open, here or at another replica."""
        return bool(self._subscribers) or self._send is not None

    def publish(self, name: str, data: Any) -> None:
        """Send an event to all pages without waiting for them."""
        if not self.has_listeners:
            return
        event = encode_event(name, data)
        self.publish_here(event)
        if self._send is not None and name not in _OF_EACH_REPLICA:
            self._send(event)

    def publish_here(self, event: bytes) -> None:
        """Send an encoded event to the pages of this replica."""
        if self._loop is not None and self._subscribers and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._send_to_all, event)

    async def stream(self, first: Callable[[], Awaitable[list[bytes]]]) -> AsyncIterator[bytes]:
        """The events of one page: `first`, then what is published since `first` was called."""
        subscriber = Subscriber()
        self._subscribers.add(subscriber)
        try:
            for event in await first():
                yield event
            while not self._closing:
                yield await subscriber.next()
        finally:
            self._subscribers.discard(subscriber)

    def _send_to_all(self, event: bytes) -> None:
        for subscriber in self._subscribers:
            subscriber.send(event)


def encode_event(name: str, data: Any) -> bytes:
    """One server-sent event; encoded JSON has no line breaks."""
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"

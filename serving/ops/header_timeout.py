"""HTTP connections that end when a client sends its headers too slowly or not at all.

uvicorn limits how long a connection may be idle after a response, but not how long the first request, or a
started one, may take.
"""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class TimedH11Protocol(H11Protocol):
    """Closes the connection unless a request's headers are complete `header_timeout_s` after its start."""

    header_timeout_s = 5.0
    _header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Take bytes; the time of a request starts with its first one."""
        super().data_received(data)
        if self._is_answering:
            self._stop_timer()
        elif self._header_timer is None:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_timer()
        super().connection_lost(exc)

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _start_timer(self) -> None:
        self._header_timer = self.loop.call_later(self.header_timeout_s, self._end_if_slow)

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _end_if_slow(self) -> None:
        self._header_timer = None
        if not self._is_answering and not self.transport.is_closing():
            self.transport.close()


def protocol_with(header_timeout_s: float) -> type[TimedH11Protocol]:
    """The protocol with this time for headers."""
    return type("ConfiguredH11Protocol", (TimedH11Protocol,), {"header_timeout_s": header_timeout_s})

"""Bytes to a port and back: what no HTTP client would send."""

import re
import socket
from contextlib import suppress

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_SILENCE_S = 2.0


def exchange(port: int, *parts: bytes, silence_s: float = _SILENCE_S) -> bytes:
    """What a server sends to these bytes, until it closes the connection or says nothing for a while."""
    received = b""
    with (
        # A connection that is closed with bytes unread is reset.
        suppress(ConnectionResetError, BrokenPipeError, TimeoutError),
        socket.create_connection(("127.0.0.1", port), timeout=10) as link,
    ):
        for part in parts:
            link.sendall(part)
        link.settimeout(silence_s)
        while chunk := link.recv(65_536):
            received += chunk
    return received


def statuses(response: bytes) -> list[int]:
    """The status of each response in these bytes."""
    return [int(code) for code in _STATUS.findall(response)]

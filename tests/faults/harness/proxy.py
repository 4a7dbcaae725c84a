"""A TCP proxy between clients and the broker that a test can make fail."""

import contextlib
import select
import socket
import threading
import time


class Proxy:
    """Forwards `port` to `target_port` on the loopback interface.

    `hold()` drops everything both ways and keeps connections open, as a half-open network does; `cut()`
    resets all connections; `delay_s` slows every chunk down.
    """

    def __init__(self, port: int, target_port: int) -> None:
        self.port = port
        self.delay_s = 0.0
        self._target_port = target_port
        self._is_held = threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._server = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self) -> None:
        """Drop everything that is sent; connections stay open."""
        self._is_held.set()

    def cut(self) -> None:
        """Reset every connection and let new ones through again."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _close(*pair)
        self._is_held.clear()

    def heal(self) -> None:
        """Forward normally again; all connections are reset."""
        self.delay_s = 0.0
        self.cut()

    def close(self) -> None:
        """Stop."""
        self._server.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            try:
                target = socket.create_connection(("127.0.0.1", self._target_port))
            except OSError:
                _close(client)
                continue
            self._pairs.append((client, target))
            threading.Thread(target=self._forward, args=(client, target), daemon=True).start()

    def _forward(self, client: socket.socket, target: socket.socket) -> None:
        other = {client: target, target: client}
        with contextlib.suppress(OSError, ValueError), contextlib.ExitStack() as stack:
            stack.callback(_close, client, target)
            while True:
                ready, _, _ = select.select([client, target], [], [], 0.5)
                for end in ready:
                    chunk = end.recv(65_536)
                    if not chunk:
                        return
                    time.sleep(self.delay_s)
                    if not self._is_held.is_set():
                        other[end].sendall(chunk)


def _close(*ends: socket.socket) -> None:
    for one in ends:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()

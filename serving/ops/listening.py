"""The socket that an HTTP server of ours listens on."""

import socket

from fraud.errors import ConfigurationError


def listen(server: str, host: str, port: int, *, backlog: int) -> socket.socket:
    """A socket that listens.

    Args:
        server: `dashboard` or `gateway`: the section of the settings that has `host` and `port`.
        host: the address.
        port: 0 takes a free one.
        backlog: how many connections may wait to be accepted.

    Raises:
        ConfigurationError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends at once (TCP_NODELAY) on sockets that name their protocol; others wait 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        variable = f"FRAUD_{server.upper()}__"
        raise ConfigurationError(
            f"the {server} cannot listen on {host}:{port} ({error.strerror}); "
            f"choose another with {variable}HOST and {variable}PORT (0 takes a free one)"
        ) from error
    return listener


def address_of(listener: socket.socket, host: str) -> str:
    """The URL of the server."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"

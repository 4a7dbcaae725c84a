"""The sockets that servers listen on."""

import socket
from collections.abc import Callable

import pytest

from fraud.errors import ConfigurationError
from serving.dashboard.run import listen as listen_for_dashboard
from serving.gateway.listening import listen

LISTENERS = [listen, listen_for_dashboard]


@pytest.mark.parametrize("make", LISTENERS)
def test_small_responses_are_sent_at_once(make: Callable[[str, int], socket.socket]) -> None:
    # asyncio sets TCP_NODELAY where the protocol is named; else a response waits 40 ms for an ACK
    with make("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize("make", LISTENERS)
def test_a_port_that_is_taken_is_one_sentence(make: Callable[[str, int], socket.socket]) -> None:
    with make("127.0.0.1", 0) as listener, pytest.raises(ConfigurationError, match="cannot listen"):
        make("127.0.0.1", listener.getsockname()[1])

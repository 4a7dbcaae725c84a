"""The sockets that servers listen on."""

import socket

import pytest

from fraud.errors import ConfigurationError
from serving.ops.listening import listen

SERVERS = ["gateway", "dashboard"]


@pytest.mark.parametrize("server", SERVERS)
def test_small_responses_are_sent_at_once(server: str) -> None:
    # asyncio sets TCP_NODELAY where the protocol is named; else a response waits 40 ms for an ACK
    with listen(server, "127.0.0.1", 0, backlog=1) as listener:
        assert listener.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize("server", SERVERS)
def test_a_port_that_is_taken_is_one_sentence(server: str) -> None:
    with listen(server, "127.0.0.1", 0, backlog=1) as listener:
        taken = listener.getsockname()[1]
        sentence = f"{server} cannot listen .* FRAUD_{server.upper()}__HOST and FRAUD_{server.upper()}__PORT"
        with pytest.raises(ConfigurationError, match=sentence):
            listen(server, "127.0.0.1", taken, backlog=1)

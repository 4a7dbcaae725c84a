"""Messages that were made to break what reads them: each reader against the decoder that decides."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from fraud.messages.admission import Admitted
from tests.fuzz.agreement import alone
from tests.fuzz.generators import anything, damaged, message, spoilt
from tests.security.attacks.raw import exchange, statuses
from tests.serving.gateway.support import GatewayServer
from tests.test_architecture import ROOT

pytestmark = pytest.mark.security

MESSAGES = int(os.environ.get("FRAUD_TEST_FUZZ_MESSAGES", "100000"))
GATEWAY_S = 30.0
_DROPPED = {"Content-Type": "application/json"}


@pytest.mark.timeout(600)
def test_the_fast_reader_agrees_with_the_full_decoder_and_reads_within_bounds(tmp_path: Path) -> None:
    # given compiled code that checks its bounds, which must be decided before it is imported
    environment = os.environ | {
        "NUMBA_BOUNDSCHECK": "1",
        "NUMBA_CACHE_DIR": str(ROOT / ".venv" / "numba-fuzz"),
    }
    # when it reads spoilt, damaged and random messages
    command = [sys.executable, "-m", "tests.fuzz", "--messages", str(MESSAGES)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    # then it takes what the full decoder takes, refuses what it refuses, and nothing ends the process
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-4_000:]
    assert "0 differences, 0 crashes" in done.stdout


@pytest.mark.timeout(300)
def test_the_gateway_takes_no_payment_that_the_engine_would_refuse(gateway_server: GatewayServer) -> None:
    # given bodies of every sort, some of them damaged byte by byte
    seed = time.time_ns()
    source, deadline, taken, refused = random.Random(seed), time.monotonic() + GATEWAY_S, 0, 0
    headers = _DROPPED | {"Authorization": f"Bearer {gateway_server.key}"}
    with httpx.Client(base_url=gateway_server.url, headers=headers, trust_env=False, timeout=30) as client:
        while time.monotonic() < deadline:
            body = source.choice((message, spoilt, damaged, anything))(source)
            # when it is sent over HTTP, and as a message
            answer = client.post("/v1/decisions", content=body)
            admitted = is_admitted(body)
            # then the server lives, and lets nothing in that would be a dead letter
            assert answer.status_code in (200, 400, 409, 413, 422, 503), (seed, body, answer.text)
            if answer.status_code in (200, 409, 503):
                assert admitted, (seed, body, answer.text)
            taken, refused = taken + admitted, refused + (not admitted)
    assert min(taken, refused) > 20, "the bodies are of one sort"


def is_admitted(body: bytes) -> bool:
    """Whether the full decoder lets in a message that arrives now."""
    (found,) = [alone([body], [time.time_ns() // 1_000_000]).admitted]
    return bool(found) and isinstance(found[0], Admitted)


@pytest.mark.timeout(300)
def test_random_bytes_on_a_port_end_no_server(port: int) -> None:
    source = random.Random(time.time_ns())
    head = b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n{}}"
    for _ in range(150):
        content = bytearray(head)
        for _ in range(source.randrange(1, 12)):
            place = source.randrange(len(content))
            content[place : place + source.randrange(3)] = source.randbytes(source.randrange(4))
        response = exchange(port, bytes(content), silence_s=0.05)
        assert not [code for code in statuses(response) if code >= 500 and code != 501], bytes(content)
    # then it still answers
    assert statuses(exchange(port, b"GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))

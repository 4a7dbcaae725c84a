"""The network between a worker and the broker fails in the middle of commits."""

import time
from collections.abc import Callable, Iterator

import pytest

from deployments.local.kafka import EmbeddedKafka
from deployments.local.processes import free_port
from fraud.settings import Settings
from tests.faults.conftest import CheckScene, FaultSettings
from tests.faults.harness.proxy import Proxy
from tests.faults.harness.scene import scene

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

BEYOND_A_CALL_S = 7.0
BEYOND_A_HANGING_COMMIT_S = 20.0


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A proxy through which alone a broker is reached."""
    port, broker_port = free_port(), free_port()
    advertised = {"advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}"}
    proxy = Proxy(port, broker_port)
    kafka = EmbeddedKafka(tmp_path_factory.mktemp("kafka"), port=broker_port, properties=advertised)
    try:
        kafka.start()
        yield proxy
    finally:
        proxy.close()
        kafka.kill()


@pytest.fixture
def proxied(make_fault_settings: FaultSettings, network: Proxy) -> Iterator[Settings]:
    """Settings whose broker is reached through the proxy, which is healed in the end."""
    yield make_fault_settings(f"127.0.0.1:{network.port}")
    network.heal()


def _cut(network: Proxy) -> None:
    for _ in range(10):
        network.cut()
        time.sleep(0.7)


def _hold(seconds: float) -> Callable[[Proxy], None]:
    def strike(network: Proxy) -> None:
        network.hold()
        time.sleep(seconds)

    return strike


def _delay(chunk_s: float, seconds: float) -> Callable[[Proxy], None]:
    def strike(network: Proxy) -> None:
        network.delay_s = chunk_s
        time.sleep(seconds)

    return strike


@pytest.mark.parametrize(
    ("strike", "case"),
    [
        pytest.param(_cut, "all connections cut, ten times within 7 s", id="cut"),
        pytest.param(_delay(0.3, 8), "every chunk delayed by 0.3 s for 8 s", id="slow"),
        pytest.param(
            _delay(BEYOND_A_CALL_S, 2 * BEYOND_A_CALL_S),
            "every chunk delayed by 7 s, longer than a commit may take, for 14 s",
            id="too slow",
        ),
        pytest.param(
            _hold(BEYOND_A_CALL_S),
            "half-open network for 7 s: a commit times out",
            id="half-open",
            marks=pytest.mark.short,
        ),
        pytest.param(
            _hold(BEYOND_A_HANGING_COMMIT_S),
            "half-open network for 20 s: sessions, transactions and commits time out",
            id="half-open for long",
        ),
    ],
)
def test_the_network_fails(
    proxied: Settings, network: Proxy, check_scene: CheckScene, strike: Callable[[Proxy], None], case: str
) -> None:
    with scene(proxied) as made:
        # when
        strike(network)
        network.heal()
        seconds = made.wait_until_scoring()

        # then
        assert made.workers[0].is_alive
        check_scene(made, case, seconds)

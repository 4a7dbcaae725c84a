"""The network between a worker and the broker fails in the middle of commits."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.local.kafka import EmbeddedKafka
from deployments.local.processes import free_port
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.faults.conftest import SERVING
from tests.faults.proxy import Proxy
from tests.faults.world import NO_REGISTRY, PARTITIONS, is_clean, scene, verdict

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]


@pytest.fixture
def proxied(tmp_path: Path, make_settings: SettingsFactory) -> Iterator[tuple[Settings, Proxy]]:
    """Settings whose broker is reached through a proxy, all of the time."""
    port, broker_port = free_port(), free_port()
    advertised = {"advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}"}
    proxy = Proxy(port, broker_port)
    kafka = EmbeddedKafka(tmp_path / "kafka", port=broker_port, properties=advertised)
    try:
        kafka.start()
        yield (
            make_settings(
                kafka={
                    "bootstrap_servers": f"127.0.0.1:{port}",
                    "partitions": PARTITIONS,
                    "retention_days": -1,
                },
                serving=SERVING | {"transaction_timeout_s": 5.0},
                registry=NO_REGISTRY,
            ),
            proxy,
        )
    finally:
        proxy.close()
        kafka.kill()


def test_connections_are_cut_again_and_again(proxied: tuple[Settings, Proxy]) -> None:
    settings, proxy = proxied
    with scene(settings) as made:
        # when
        for _ in range(10):
            proxy.cut()
            time.sleep(0.7)
        seconds = made.watch.seconds_until_all_score(time.time())

        # then
        assert is_clean(verdict(made, "connections cut ten times", seconds))


def test_a_commit_times_out_on_a_half_open_network(proxied: tuple[Settings, Proxy]) -> None:
    settings, proxy = proxied
    with scene(settings) as made:
        # when longer than the call's, the transaction's and the session's time-out
        proxy.hold()
        time.sleep(25)
        proxy.cut()
        seconds = made.watch.seconds_until_all_score(time.time())

        # then
        assert made.workers[0].process.poll() is None
        assert is_clean(verdict(made, "half-open network for 25 s: commits time out", seconds))


def test_every_answer_of_the_broker_is_slow(proxied: tuple[Settings, Proxy]) -> None:
    settings, proxy = proxied
    with scene(settings) as made:
        # when
        proxy.delay_s = 0.3
        time.sleep(10)
        proxy.delay_s = 0.0
        seconds = made.watch.seconds_until_all_score(time.time())

        # then
        assert is_clean(verdict(made, "every chunk delayed by 0.3 s", seconds))

"""A worker that gets SIGTERM ends within its drain time, also while Kafka is unreachable."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from deployments.local.kafka import EmbeddedKafka
from fraud.kafka.topics import create_topics
from fraud.settings import Settings
from serving.ops.shutdown import (
    CLOSING_S,
    FORCED_AFTER_S,
    FORCED_EXIT_CODE,
    Shutdown,
    StoppedError,
    call_unless_stopped,
    call_within,
)
from tests.conftest import SettingsFactory
from tests.faults.harness.load import PARTITIONS, Load, PredictionWatch
from tests.faults.harness.scene import NO_REGISTRY
from tests.faults.harness.workers import BARE, FLOW, ROOT, Worker
from tests.fraud.signing.signed import save_champion
from tests.serving.world import disorderly, send, tiny_bundle, wait_for

DRAIN_S = 3.0
BUSY_MACHINE_S = 4.0
NOT_COMMITTED = f"Kafka has not taken everything within the drain time of {DRAIN_S:.0f} s"
NOT_STARTED = "stopped before scoring started"
SERVING = {
    "drain_timeout_s": DRAIN_S,
    # Kafka goes away between two commits.
    "commit_interval_s": 2.0,
    "snapshot_interval_s": 1.0,
    "session_timeout_s": 6.0,
    "transaction_timeout_s": 15.0,
}
LONG_S = 22.0
TWO = (*BARE, "--workers", "2")

pytestmark = [pytest.mark.broker, pytest.mark.timeout(420)]
matrix = pytest.mark.faults


def pause(kafka: EmbeddedKafka) -> None:
    """As a network that swallows everything: connections stand, and nothing answers."""
    assert kafka.process is not None
    os.kill(kafka.process.pid, signal.SIGSTOP)


def kill(kafka: EmbeddedKafka) -> None:
    """Connections are refused."""
    kafka.kill()


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A broker that tests may take away; the next one finds it back."""
    made = EmbeddedKafka(tmp_path_factory.mktemp("kafka"))
    try:
        made.start()
        yield made
    finally:
        _bring_back(made)
        made.kill()


def _bring_back(kafka: EmbeddedKafka) -> None:
    if kafka.process is not None:
        os.kill(kafka.process.pid, signal.SIGCONT)


@dataclass
class World:
    """Settings, their broker, and a worker that ends with the test."""

    settings: Settings
    kafka: EmbeddedKafka
    worker: Worker

    def stop(self) -> tuple[int, float]:
        """SIGTERM; the exit code and the seconds until it was there."""
        since = time.monotonic()
        self.worker.process.terminate()
        try:
            code = self.worker.process.wait(60)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end:\n{self.worker.log.read_text()}") from None
        return code, time.monotonic() - since

    @property
    def output(self) -> str:
        """What the worker has written."""
        return self.worker.log.read_text()


Make = Callable[..., Settings]


@pytest.fixture
def make(make_settings: SettingsFactory, kafka: EmbeddedKafka) -> Iterator[Make]:
    """Makes settings whose topics exist."""
    if kafka.process is None:
        kafka.start()

    def made(delivery: str = "exactly_once", **serving: Any) -> Settings:
        settings = make_settings(
            kafka={"bootstrap_servers": kafka.bootstrap_servers, "partitions": PARTITIONS},
            serving=SERVING | {"delivery": delivery} | serving,
            registry=NO_REGISTRY,
        )
        create_topics(settings)
        settings.home.mkdir()
        return settings

    yield made
    # A broker that was paused past its session may not create topics for a minute; a new process does.
    _bring_back(kafka)
    kafka.kill()


@contextmanager
def working(settings: Settings, kafka: EmbeddedKafka, program: tuple[str, ...] = BARE) -> Iterator[World]:
    """A worker; it is killed if it is still there at the end."""
    prefect = {"PREFECT_HOME": str(settings.home / "prefect")}
    made = World(settings, kafka, Worker(settings, "worker", program, prefect))
    try:
        yield made
    finally:
        if made.worker.is_alive:
            made.worker.kill()


@contextmanager
def scoring(settings: Settings, kafka: EmbeddedKafka, program: tuple[str, ...] = BARE) -> Iterator[World]:
    """A worker that scores a load when the block begins."""
    save_champion(settings, tiny_bundle(settings))
    load, watch = Load(settings), PredictionWatch(settings)
    try:
        with working(settings, kafka, program) as made:
            watch.seconds_until_all_score(time.time(), 240)  # a flow run begins with a server
            yield made
    finally:
        _bring_back(kafka) if kafka.process else kafka.start()
        load.stop()
        watch.stop()


def assert_in_time(seconds: float) -> None:
    assert seconds < DRAIN_S + FORCED_AFTER_S + BUSY_MACHINE_S


@pytest.mark.parametrize(
    ("take_away", "delivery", "away_s", "program"),
    [
        pytest.param(pause, "exactly_once", 0.5, BARE, id="paused"),
        pytest.param(pause, "at_least_once", 0.5, BARE, id="paused, at least once"),
        pytest.param(kill, "exactly_once", 0.5, BARE, id="killed", marks=matrix),
        pytest.param(kill, "at_least_once", 0.5, BARE, id="killed, at least once", marks=matrix),
        # A commit is given up after 15 s, and another producer looks for its outcome.
        pytest.param(pause, "exactly_once", LONG_S, BARE, id="outcome of a commit unknown", marks=matrix),
        pytest.param(kill, "exactly_once", LONG_S, BARE, id="killed for long", marks=matrix),
        pytest.param(pause, "at_least_once", LONG_S, BARE, id="paused for long, at least once", marks=matrix),
        pytest.param(pause, "exactly_once", 0.5, TWO, id="two workers", marks=matrix),
        pytest.param(pause, "exactly_once", 0.5, FLOW, id="flow", marks=matrix),
    ],
)
def test_a_worker_under_load_ends_without_kafka(
    make: Make,
    kafka: EmbeddedKafka,
    take_away: Callable[[EmbeddedKafka], None],
    delivery: str,
    away_s: float,
    program: tuple[str, ...],
) -> None:
    # given a worker that scores, and Kafka away for a while
    with scoring(make(delivery), kafka, program) as world:
        take_away(kafka)
        time.sleep(away_s)
        # when it is stopped
        code, seconds = world.stop()
        # then it ends by itself and says that something is not committed
        assert "by force" not in world.output, world.output
        assert_in_time(seconds)
        assert code == (3 if NOT_COMMITTED in world.output and program != TWO else 0)
        # After the session's time-out its partitions are another's, and nothing is left to commit.
        assert NOT_COMMITTED in world.output or (delivery, away_s) == ("at_least_once", LONG_S)


def test_a_worker_ends_that_never_reached_kafka(make: Make, kafka: EmbeddedKafka) -> None:
    settings = make()
    pause(kafka)
    with working(settings, kafka) as world:
        time.sleep(5)
        code, seconds = world.stop()
        assert (code, NOT_STARTED in world.output) == (0, True), world.output
        assert_in_time(seconds)


def test_a_worker_ends_that_waits_for_a_model(make: Make, kafka: EmbeddedKafka) -> None:
    settings = make()
    with working(settings, kafka) as world:
        wait_for(lambda: "waiting for a model" in world.worker.get_page("/ready"), 60)
        pause(kafka)
        code, seconds = world.stop()
        assert (code, "by force" in world.output) == (0, False), world.output
        assert_in_time(seconds)


@matrix
@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_a_worker_ends_that_opens_its_producers(make: Make, kafka: EmbeddedKafka, delivery: str) -> None:
    # given a broker that goes away between the first contact and the first transaction
    settings = make(delivery)
    with working(settings, kafka) as world:
        wait_for(
            lambda: "alembic" in world.output or (settings.home / "serving" / "slot-0.lock").exists(),
            60,
            0.002,
        )
        pause(kafka)
        time.sleep(2)
        code, seconds = world.stop()
        assert (code, "by force" in world.output) == (0, False), world.output
        assert_in_time(seconds)


@matrix
def test_a_worker_ends_that_restores(make: Make, kafka: EmbeddedKafka) -> None:
    # given a worker that rebuilds the state of partitions when Kafka goes away
    settings = make(snapshot_interval_s=0)
    save_champion(settings, tiny_bundle(settings))
    send(settings, disorderly(30_000))
    with working(settings, kafka) as world:
        world.worker.wait_until_restoring()
        pause(kafka)
        code, seconds = world.stop()
        assert "by force" not in world.output, world.output
        assert_in_time(seconds)
        assert code in (0, 3)


def test_what_hangs_all_the_same_is_ended_by_force_and_named() -> None:
    # given a process whose block does not end
    program = """
import threading, time
from serving.ops.shutdown import forced_exit
stop = threading.Event()
stop.set()
with forced_exit(stop, 0.1):
    time.sleep(60)
"""
    # when it is stopped
    since = time.monotonic()
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50, cwd=ROOT)
    # then it says where it was
    assert done.returncode == FORCED_EXIT_CODE
    assert time.monotonic() - since < 0.1 + FORCED_AFTER_S + BUSY_MACHINE_S
    assert "It was still in: <string>:<module>" in done.stderr


def test_an_engine_that_fails_by_itself_ends_too(make: Make, kafka: EmbeddedKafka) -> None:
    # given an engine that nobody stops, without one of its topics
    settings = make()
    gone = settings.topics.model_copy(update={"predictions": f"{settings.topics.predictions}.gone"})
    # when it finds out that a topic is missing, then it says so and ends
    with working(settings.model_copy(update={"topics": gone}), kafka) as world:
        assert world.worker.process.wait(60) == 3
        assert "run `fraud topics create`" in world.output


def test_the_time_runs_from_when_a_worker_is_stopped() -> None:
    # given a worker with a tenth of a second
    stop, shutdown = threading.Event(), Shutdown(0.1)
    shutdown.start_on(stop)
    time.sleep(0.2)
    assert (shutdown.drain_remaining_s, shutdown.close_remaining_s) == (0.1, 0.1 + CLOSING_S)
    # when it is stopped
    stop.set()
    # then its time runs
    wait_for(lambda: shutdown.drain_remaining_s == 0, 5)
    assert 0 < shutdown.close_remaining_s < CLOSING_S + 0.1


def test_a_call_that_may_block_is_left_when_the_worker_is_stopped() -> None:
    # given a call that blocks, and others that do not
    stop = threading.Event()
    assert call_unless_stopped(stop, lambda: 7) == call_within(5, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        call_unless_stopped(stop, lambda: 1 // 0)
    with pytest.raises(TimeoutError, match=r"no answer within 0\.1 s"):
        call_within(0.1, threading.Event().wait)
    # when the worker is stopped, then it is not waited for
    threading.Timer(0.2, stop.set).start()
    beats: list[int] = []
    with pytest.raises(StoppedError):
        call_unless_stopped(stop, threading.Event().wait, lambda: beats.append(1))
    assert beats

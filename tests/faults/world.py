"""Real workers under load, and what a read_committed reader finds when the dust has settled."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from fraud.kafka import consumer_config, create_topics, flush, producer_config
from fraud.modelling.cache import save_bundle
from fraud.schema import Prediction
from fraud.settings import Settings
from tests.serving.offline import mismatches
from tests.serving.world import disorderly, predictions, tiny_bundle, wait_for

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS = 3
NO_REGISTRY = {"tracking_uri": "http://127.0.0.1:1", "request_retries": 0, "poll_interval_s": 3_600.0}


def prepare(settings: Settings) -> None:
    """Topics, and a champion on disk: the registry is down throughout."""
    create_topics(settings)
    save_bundle(tiny_bundle(settings), settings.home / "serving" / "model")


def environment(settings: Settings) -> dict[str, str]:
    """The settings as a worker process reads them."""
    told: dict[str, str] = {}
    _flatten("FRAUD", settings.model_dump(mode="json"), told)
    return os.environ | told


def _flatten(name: str, value: Any, told: dict[str, str]) -> None:
    separator = "_" if name == "FRAUD" else "__"
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(f"{name}{separator}{key.upper()}", inner, told)
    elif value is not None:
        told[name] = str(value)


class Worker:
    """One `python -m serving`."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.log = settings.home / f"{name}.log"
        self._settings = settings
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "serving"],
                env=environment(self._settings),
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

    def restart(self) -> None:
        """Start anew after its end."""
        self.process = self._start()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def terminate(self, timeout_s: float = 40.0) -> int:
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        return self.process.wait(timeout_s)

    def says(self, text: str) -> bool:
        """Whether its log holds `text`."""
        return text in self.log.read_text(errors="replace")


class Load:
    """A stream of disorderly transactions from another thread, some 400 a second."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def stop(self) -> None:
        """End the stream; everything is acknowledged then."""
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        producer: Any = Producer(producer_config(self._settings, **{"message.timeout.ms": 0}))
        begin = 0
        while not self._stop.wait(0.1):
            for event in disorderly(40, begin):
                content = json.dumps({name: value for name, value in event.items() if value is not None})
                topic = self._settings.topics.transactions
                producer.produce(topic, content, event["card_id"], timestamp=event["timestamp"])
            begin += 40
            producer.poll(0)
        flush(producer, 120)


class Watch:
    """Follows the committed predictions, to tell when scoring went on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._scored_at = dict.fromkeys(range(PARTITIONS), 0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def seconds_until_all_score(self, since: float, timeout_s: float = 120.0) -> float:
        """Seconds from the time `since` until every partition has a committed prediction made later."""
        wait_for(lambda: min(self._scored_at.values()) > since * 1_000, timeout_s)
        return time.time() - since

    def stop(self) -> None:
        """End the watch."""
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        consumer = Consumer(consumer_config(self._settings, "watch", log_level=0))
        topic = self._settings.topics.predictions
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(PARTITIONS)])
        while not self._stop.is_set():
            for message in consumer.consume(10_000, 0.05):
                if message.error() is None:
                    made = msgspec.json.decode(message.value(), type=Prediction)
                    self._scored_at[message.partition()] = made.scored_at
        consumer.close()


@dataclass
class Scene:
    """Workers under load."""

    settings: Settings
    load: Load
    watch: Watch
    workers: list[Worker] = field(default_factory=list)

    def add_worker(self) -> Worker:
        """One more worker."""
        self.workers.append(Worker(self.settings, f"worker-{len(self.workers)}"))
        return self.workers[-1]

    def wait_until_scoring(self) -> float:
        """Wait until every partition is scored from now on; returns the seconds."""
        return self.watch.seconds_until_all_score(time.time())


@contextmanager
def scene(settings: Settings, workers: int = 1) -> Iterator[Scene]:
    """Load and workers; whatever is left of them is killed at the end."""
    prepare(settings)
    made = Scene(settings, Load(settings), Watch(settings))
    try:
        for _ in range(workers):
            made.add_worker()
        made.wait_until_scoring()
        yield made
    finally:
        made.load.stop()
        made.watch.stop()
        for worker in made.workers:
            if worker.process.poll() is None:
                worker.signal(signal.SIGCONT)
                worker.kill()


@dataclass(frozen=True)
class Verdict:
    """A line of the reliability table."""

    case: str
    answered: int
    lost: int
    doubled: int
    mismatched: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"| {self.case} | {self.answered} | {self.lost} | {self.doubled} | {self.mismatched} "
            f"| {self.seconds:.1f} |"
        )


def verdict(made: Scene, case: str, seconds: float) -> Verdict:
    """Stop the load, let the workers finish, and compare what went in with what came out."""
    made.load.stop()
    settled = _wait_until_settled(made.settings)
    odd = mismatches(made.settings, settled)
    lost = sum(one.startswith("missing") for one in odd)
    doubled = odd.count("doubled")
    told = Verdict(case, len(settled), lost, doubled, len(odd) - lost - doubled, seconds)
    sys.stdout.write(f"\n{told}\n")
    if report := os.environ.get("FAULTS_REPORT"):
        with Path(report).open("a") as file:
            file.write(f"{told}\n")
    return told


def _wait_until_settled(settings: Settings) -> list[Prediction]:
    """Until nothing has been added for two seconds after nothing was missing, or for long."""
    deadline = time.monotonic() + 90
    before: list[Prediction] = []
    while time.monotonic() < deadline:
        found = predictions(settings)
        if len(found) == len(before) and not any(
            one.startswith("missing") for one in mismatches(settings, found)
        ):
            return found
        before = found
        time.sleep(2.0)
    return before


def is_clean(told: Verdict) -> bool:
    """Nothing lost, nothing doubled, every feature as recomputed."""
    return told.answered > 0 and told.lost == told.doubled == told.mismatched == 0

"""What the serving tests share: transactions to send, a tiny real model, and looks at what came out."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import mlflow
import msgspec
import numpy as np
import xgboost as xgb
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition

from fraud.definitions.features import FEATURE_VERSION
from fraud.features.profiles import PROFILE_COLUMNS
from fraud.kafka.clients import consumer_config, flush, producer_config
from fraud.registry.aliases import promote
from fraud.registry.bundle import ModelBundle, make_bundle
from fraud.registry.connection import experiment_id, mlflow_client
from fraud.registry.versions import log_and_register
from fraud.schema import MerchantProfile, Prediction
from fraud.settings import Settings
from serving.engine import Engine
from serving.ops.metrics import Metrics

BASE_MS = 1_760_000_000_000
DAY_MS = 86_400_000


def transaction(number: int, **fields: Any) -> dict[str, Any]:
    """A transaction as it travels; its fields depend on `number` unless given."""
    choice = random.Random(number)
    return {
        "transaction_id": f"t{number}",
        "card_id": f"card-{choice.randrange(40)}",
        "merchant_id": f"merchant-{choice.randrange(12)}",
        "amount": f"{choice.randrange(100, 90_000) / 100:.2f}",
        "currency": "EUR",
        "timestamp": BASE_MS + number * 60_000,
        "merchant_category": choice.choice(["grocery", "travel", "games", None]),
        "channel": choice.choice(["chip", "online"]),
        "country": choice.choice(["DE", "FR", None]),
        "latitude": round(choice.uniform(45, 55), 4),
        "longitude": round(choice.uniform(5, 15), 4),
    } | fields


def disorderly(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Transactions of which some come late, out of order, or twice."""
    choice = random.Random(start + 1)
    made = []
    for number in range(start, start + count):
        late = choice.choice([0, 0, 0, 0, 3_600_000, DAY_MS])
        made.append(transaction(number, timestamp=BASE_MS + number * 60_000 - late))
        if choice.random() < 0.1:
            made.append(dict(made[choice.randrange(max(0, len(made) - 30), len(made))]))
    return made


def send(settings: Settings, values: Iterable[dict[str, Any] | bytes], kafka_time: int | None = None) -> None:
    """Produce to `transactions`: dicts as JSON under their card, bytes as they are."""
    producer = Producer(producer_config(settings))
    for value in values:
        if isinstance(value, bytes):
            producer.produce(settings.topics.transactions, value, b"?", timestamp=kafka_time or BASE_MS)
        else:
            content = json.dumps({name: field for name, field in value.items() if field is not None})
            producer.produce(
                settings.topics.transactions, content, value["card_id"], timestamp=value["timestamp"]
            )
        producer.poll(0)
    flush(producer, 30)


def read_all(settings: Settings, topic: str) -> list[Any]:
    """Every committed message of a topic."""
    config = consumer_config(settings, "tests-reader", **{"enable.partition.eof": True})
    consumer = Consumer(config)
    found: list[Any] = []
    try:
        pending = set(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in pending])
        while pending:
            for message in consumer.consume(10_000, 0.2):
                if message.error() is None:
                    found.append(message)
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    pending.discard(message.partition())
    finally:
        consumer.close()
    return found


def predictions(settings: Settings) -> list[Prediction]:
    """Every committed prediction."""
    return [
        msgspec.json.decode(message.value(), type=Prediction)
        for message in read_all(settings, settings.topics.predictions)
    ]


def wait_for(condition: Callable[[], Any], timeout_s: float = 30.0, every_s: float = 0.05) -> Any:
    """Poll until the condition is truthy; returns its value."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(every_s)
    raise AssertionError(f"not within {timeout_s:.0f} s: {condition}")


def wait_for_predictions(settings: Settings, count: int, timeout_s: float = 30.0) -> list[Prediction]:
    """Wait until at least `count` predictions are committed."""
    found: list[Prediction] = []

    def enough() -> bool:
        found[:] = predictions(settings)
        return len(found) >= count

    try:
        wait_for(enough, timeout_s)
    except AssertionError:
        raise AssertionError(f"{len(found)} of {count} predictions within {timeout_s:.0f} s") from None
    return found


def tiny_bundle(settings: Settings, seed: int = 0, threshold: float = 0.5, **metadata: Any) -> ModelBundle:
    """A real booster of all features of the settings' definitions, learnt from noise that looks like them."""
    names = settings.loaded_definitions.feature_names
    generator = np.random.default_rng(seed)
    rows = generator.lognormal(4, 2, size=(2_000, len(names))).astype(np.float32)
    rows[generator.random(rows.shape) < 0.1] = np.nan
    labels = (np.nan_to_num(rows[:, 0]) + generator.lognormal(4, 2, size=2_000) > 200).astype(int)
    params = {"objective": "binary:logistic", "max_depth": 4, "nthread": 1, "seed": seed, "eta": 0.3}
    matrix = xgb.DMatrix(rows, labels, feature_names=list(names))
    booster = xgb.train(params, matrix, num_boost_round=12)
    return make_bundle(
        settings.loaded_definitions,
        booster,
        model_name=settings.registry.model_name,
        threshold=threshold,
        **metadata,
    )


def register(settings: Settings, bundle: ModelBundle, alias: str | None = "champion") -> str:
    """Put the bundle into the registry; returns its version."""
    experiment = experiment_id(settings)
    with mlflow_client(settings), mlflow.start_run(experiment_id=experiment) as run:
        version = log_and_register(settings, bundle, run.info.run_id)
    if alias:
        promote(settings, version, "test", alias)
    return version


def publish_profiles(settings: Settings, date: str, merchants: Sequence[str], seed: int = 0) -> None:
    """Publish a generation of profiles."""
    producer = Producer(producer_config(settings))
    for profile in profiles(date, merchants, seed):
        producer.produce(settings.topics.profiles, msgspec.json.encode(profile), profile.merchant_id)
    flush(producer, 30)


def profiles(date: str, merchants: Sequence[str], seed: int = 0) -> list[MerchantProfile]:
    """A generation of profiles."""
    generator = np.random.default_rng(seed)
    return [
        MerchantProfile(
            merchant, date, FEATURE_VERSION, generator.lognormal(3, 1, size=len(PROFILE_COLUMNS)).tolist()
        )
        for merchant in merchants
    ]


@dataclass
class Running:
    """An engine on a thread."""

    engine: Engine
    metrics: Metrics
    stop: threading.Event
    thread: threading.Thread
    failures: list[BaseException] = field(default_factory=list)


@contextmanager
def running(settings: Settings, worker: int = 0) -> Iterator[Running]:
    """Run an engine until the block ends; what it raised is raised here."""
    metrics = Metrics()
    engine = Engine(settings, f"{settings.serving.transactional_id}-{worker}", metrics)
    stop = threading.Event()
    failures: list[BaseException] = []

    def body() -> None:
        try:
            engine.run(stop)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    try:
        yield Running(engine, metrics, stop, thread, failures)
    except AssertionError as error:
        # What a test waits for in vain is rarely the cause.
        raise (failures or [error])[0] from error
    finally:
        stop.set()
        thread.join(60)
    if failures:
        raise failures[0]
    assert not thread.is_alive()

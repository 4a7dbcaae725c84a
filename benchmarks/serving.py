"""Throughput of the scoring engine against a raw passthrough, on the same broker and the same messages.

`python -m benchmarks.serving` starts a broker of its own, fills `transactions`, and answers all of them
three times: by a passthrough (decode, encode, produce in transactions), by the engine exactly once, and by
the engine at least once. What counts is the ratio of two figures of one run.
"""

import json
import logging
import random
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import typer
import xgboost as xgb
from confluent_kafka import Consumer, Producer

from deployments.local.kafka import EmbeddedKafka
from fraud.features.spec import FEATURE_NAMES
from fraud.kafka import consumer_config, create_topics, flush, producer_config
from fraud.modelling.bundle import ModelBundle, make_bundle
from fraud.modelling.cache import save_bundle
from fraud.schema import Prediction, Transaction
from fraud.settings import Settings, load_settings
from serving.engine import Engine
from serving.metrics import Metrics, gauge_values

_BEGIN_MS = 1_760_000_000_000
_DEAF = {"tracking_uri": "http://127.0.0.1:1", "request_retries": 0, "poll_interval_s": 3_600.0}


@dataclass(frozen=True)
class Figure:
    """What one way to answer achieved."""

    name: str
    messages_per_s: float
    cpu_us_per_message: float


def main(
    messages: Annotated[int, typer.Option(help="Transactions to answer.")] = 300_000,
    cards: Annotated[int, typer.Option(help="Different cards among them.")] = 10_000,
    trees: Annotated[int, typer.Option(help="Trees of the model, of depth 6.")] = 300,
    commit_interval_s: Annotated[float, typer.Option(help="Seconds between two commits.")] = 0.1,
) -> None:
    """Print messages a second and the ratio to the passthrough."""
    logging.basicConfig(level=logging.WARNING)
    bundle = _model(trees)
    with tempfile.TemporaryDirectory() as folder, EmbeddedKafka(Path(folder) / "kafka") as kafka:

        def settings(name: str, **serving: Any) -> Settings:
            return load_settings(
                home=Path(folder) / name,
                kafka={"bootstrap_servers": kafka.bootstrap_servers, "retention_days": -1},
                topics={"predictions": f"predictions.{name}"},
                registry=_DEAF,
                serving={"group_id": name, "transactional_id": name, "snapshot_interval_s": 0}
                | {"commit_interval_s": commit_interval_s}
                | serving,
            )

        raw = settings("passthrough")
        create_topics(raw)
        _fill(raw, messages, cards)
        figures = [_measure("passthrough", lambda: _pass_through(raw, messages))]
        for delivery in ("exactly_once", "at_least_once"):
            made = settings(delivery, delivery=delivery)
            create_topics(made)
            save_bundle(bundle, made.home / "serving" / "model")
            figures.append(_measure(delivery, lambda made=made: _score(made, messages)))  # type: ignore[misc]
    _print(figures)


def _measure(name: str, run: Callable[[], tuple[int, float, float]]) -> Figure:
    count, seconds, cpu_s = run()
    return Figure(name, count / seconds, cpu_s / count * 1e6)


def _print(figures: list[Figure]) -> None:
    base = figures[0].messages_per_s
    print("| | messages/s | CPU µs/message | of passthrough |\n|---|---|---|---|")
    for one in figures:
        print(
            f"| {one.name} | {one.messages_per_s:,.0f} | {one.cpu_us_per_message:.1f} "
            f"| {one.messages_per_s / base:.2f} |"
        )


def _model(trees: int) -> ModelBundle:
    generator = np.random.default_rng(0)
    rows = generator.lognormal(4, 2, size=(30_000, len(FEATURE_NAMES))).astype(np.float32)
    rows[generator.random(rows.shape) < 0.05] = np.nan
    signal = np.log1p(np.nan_to_num(rows[:, :12])).sum(axis=1) + generator.normal(size=len(rows)) * 3
    labels = (signal > np.quantile(signal, 0.97)).astype(int)
    params = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.1, "nthread": 1}
    matrix = xgb.DMatrix(rows, labels, feature_names=list(FEATURE_NAMES))
    booster = xgb.train(params, matrix, num_boost_round=trees)
    return make_bundle(booster, model_name="benchmark", threshold=0.99)


def _fill(settings: Settings, messages: int, cards: int) -> None:
    choice = random.Random(1)
    producer = Producer(producer_config(settings))
    for number in range(messages):
        card = f"card-{choice.randrange(cards):08d}"
        value = {
            "transaction_id": f"tx-{number:012d}",
            "card_id": card,
            "merchant_id": f"merchant-{choice.randrange(2_000):06d}",
            "amount": f"{choice.randrange(100, 90_000) / 100:.2f}",
            "currency": "EUR",
            "timestamp": _BEGIN_MS + number * 1_000,
            "merchant_category": choice.choice(["grocery", "travel", "games"]),
            "channel": choice.choice(["chip", "online"]),
            "country": choice.choice(["DE", "FR"]),
            "latitude": round(choice.uniform(45, 55), 4),
            "longitude": round(choice.uniform(5, 15), 4),
        }
        producer.produce(settings.topics.transactions, json.dumps(value), card, timestamp=value["timestamp"])
        if number % 1_000 == 0:
            producer.poll(0)
        while len(producer) > 100_000:
            producer.poll(0.1)
    flush(producer, 60)


def _pass_through(settings: Settings, messages: int) -> tuple[int, float, float]:
    """Decode, encode, produce; predictions and offsets in one transaction at every interval."""
    decode, encode = msgspec.json.Decoder(Transaction).decode, msgspec.json.Encoder().encode
    consumer = Consumer(consumer_config(settings, settings.serving.group_id))
    producer = Producer(producer_config(settings, **{"transactional.id": "passthrough"}))
    producer.init_transactions(30)
    consumer.subscribe([settings.topics.transactions])
    done, begun, cpu, committed_at = 0, 0.0, 0.0, 0.0
    producer.begin_transaction()
    while done < messages:
        batch = consumer.consume(settings.serving.batch_size, 0.005)
        if batch and not begun:
            begun = committed_at = time.perf_counter()
            cpu = time.process_time()
        out = []
        for message in batch:
            one = decode(message.value())
            answer = Prediction(
                one.transaction_id, one.card_id, one.timestamp, 1, one.currency, 0.5, "approve", 0.9,
                "model", "1", 1, 1,
            )  # fmt: skip
            out.append({"key": one.card_id, "value": encode(answer)})
        producer.produce_batch(settings.topics.predictions, out)
        done += len(batch)
        if done == messages or time.perf_counter() - committed_at > settings.serving.commit_interval_s:
            positions = consumer.position(consumer.assignment())
            known = [position for position in positions if position.offset >= 0]
            producer.send_offsets_to_transaction(known, consumer.consumer_group_metadata())
            producer.commit_transaction(30)
            producer.begin_transaction()
            committed_at = time.perf_counter()
    seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    producer.abort_transaction(30)
    consumer.close()
    return done, seconds, cpu_s


def _score(settings: Settings, messages: int) -> tuple[int, float, float]:
    """The engine, from its first micro-batch to the commit of the last."""
    metrics = Metrics()
    engine = Engine(settings, settings.serving.transactional_id, metrics)
    stop = threading.Event()
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    try:
        while not _committed(metrics):
            time.sleep(0.002)
        before, begun, cpu = _committed(metrics), time.perf_counter(), time.process_time()
        while _committed(metrics) < messages:
            time.sleep(0.02)
        seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    finally:
        stop.set()
        thread.join()
    return messages - int(before), seconds, cpu_s


def _committed(metrics: Metrics) -> float:
    return sum(value for _, value in gauge_values(metrics, "fraud_end_to_end_seconds_count"))


if __name__ == "__main__":
    typer.run(main)

"""Histories and live traffic on a real broker: what is in Kafka is what was simulated."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from fraud.definitions.features import DAY_MS
from fraud.errors import ConfigurationError, UnreachableError
from fraud.kafka.clients import consumer_config, producer_config
from fraud.kafka.offsets import end_offsets
from fraud.lake import open_lake
from fraud.settings import Settings
from producer.history import HistoryPeriod, pending_labels, publish_history
from producer.live import LiveTraffic
from producer.publisher import Publisher
from producer.scenario import load_scenario
from producer.simulator import Simulator
from producer.steady import SteadyStream
from producer.wire import OutgoingMessages
from tests.conftest import SettingsFactory

CARDS = 1_500


def _simulator(span: HistoryPeriod) -> Simulator:
    return Simulator(load_scenario("small", cards=CARDS, merchants=400), 5, span.start)


def _read(settings: Settings, topic: str) -> list[tuple[bytes, bytes, int]]:
    """Key, value and timestamp of all that is in the topic."""
    ends = {partition: high for partition, (_, high) in end_offsets(settings, topic).items()}
    consumer = Consumer(consumer_config(settings, "reader"))
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in ends])
    try:
        read: list[tuple[bytes, bytes, int]] = []
        while len(read) < sum(ends.values()):
            for message in consumer.consume(10_000, 1.0):
                assert message.error() is None
                read.append((message.key(), message.value(), message.timestamp()[1]))
        return read
    finally:
        consumer.close()


@pytest.mark.broker
def test_kafka_holds_what_was_simulated(settings: Settings) -> None:
    span = HistoryPeriod.before(datetime.now(UTC), days=12)
    simulator, lake = _simulator(span), open_lake(settings)

    with Publisher(settings) as publisher:
        done = publish_history(settings, publisher, simulator, span, lake)

    messages = _read(settings, settings.topics.transactions)
    rows = [json.loads(value) for _, value, _ in messages]
    days = [simulator.day(day).until(span.end) for day in span.days()]
    simulated = Counter(
        transaction for day in days for transaction in day.delivered()["transaction_id"].to_pylist()
    )
    assert Counter(row["transaction_id"] for row in rows) == simulated
    assert done.deliveries == len(messages)
    assert all(key == row["card_id"].encode() for (key, _, _), row in zip(messages, rows, strict=True))
    assert all(time == row["timestamp"] for (_, _, time), row in zip(messages, rows, strict=True))
    assert max(row["timestamp"] for row in rows) <= span.end
    assert not any("fraud" in value.decode() or "campaign" in value.decode() for _, value, _ in messages)
    truths = lake.list_files("truth")
    assert len(truths) == len(span.days())
    assert sum(lake.read_table(path).num_rows for path in truths) == done.transactions


@pytest.mark.broker
def test_labels_are_published_when_reported_and_the_rest_stays_pending(settings: Settings) -> None:
    span = HistoryPeriod.before(datetime.now(UTC), days=12)
    simulator = _simulator(span)

    with Publisher(settings) as publisher:
        done = publish_history(settings, publisher, simulator, span)

    messages = _read(settings, settings.topics.labels)
    labels = [json.loads(value) for _, value, _ in messages]
    assert all(
        time == label["reported_at"] <= span.end for (_, _, time), label in zip(messages, labels, strict=True)
    )
    assert len(labels) == done.labels > 0
    everything = sum(simulator.day(day).until(span.end).labels.num_rows for day in span.days())
    assert done.labels + done.pending.num_rows == everything
    assert pending_labels(simulator, span).num_rows == done.pending.num_rows


@pytest.mark.broker
def test_a_history_older_than_the_topic_keeps_is_refused(make_settings: SettingsFactory, broker: str) -> None:
    from fraud.kafka.topics import create_topics

    settings = make_settings(kafka={"bootstrap_servers": broker, "retention_days": 40})
    create_topics(settings)
    span = HistoryPeriod.before(datetime.now(UTC), days=90)

    with Publisher(settings) as publisher, pytest.raises(ConfigurationError, match="keeps 40 days"):
        publish_history(settings, publisher, _simulator(span), span)


@pytest.mark.broker
def test_live_traffic_keeps_its_rate_and_its_event_time_is_now(settings: Settings) -> None:
    span = HistoryPeriod.before(datetime.now(UTC), days=1)
    simulator = _simulator(span)
    started = int(time.time() * 1_000)

    with Publisher(settings, linger_ms=5) as publisher:
        traffic = LiveTraffic(simulator, started)
        stream = SteadyStream(settings, publisher, pending_labels(simulator, span), traffic, 200.0)
        counts = stream.run(threading.Event(), duration_s=3.0)

    messages = _read(settings, settings.topics.transactions)
    times = sorted(time for _, _, time in messages)
    assert len(messages) == counts.transactions == pytest.approx(600, rel=0.1)
    assert started <= times[0]
    assert times[-1] <= int(time.time() * 1_000)
    assert len({json.loads(value)["transaction_id"] for _, value, _ in messages}) == len(messages)


@pytest.mark.broker
def test_a_stopped_stream_has_nothing_unacknowledged(settings: Settings, tmp_path: Path) -> None:
    code, output = _simulate_until_stopped(settings, tmp_path / "log", "--rate", "400")

    assert code == 0, output
    sent = int(output.split("live: ")[2].split(" transactions")[0].replace(",", ""))
    assert sent == len(_read(settings, settings.topics.transactions))


@pytest.mark.broker
def test_a_stopped_history_reports_what_is_in_kafka_and_fails(settings: Settings, tmp_path: Path) -> None:
    code, output = _simulate_until_stopped(settings, tmp_path / "log", "--days", "2000")

    assert code == 1, output
    assert "error: stopped after" in output
    assert "Traceback" not in output
    sent = int(output.split("transactions in ")[1].split(" messages")[0].replace(",", ""))
    assert sent == len(_read(settings, settings.topics.transactions))


def _simulate_until_stopped(settings: Settings, log: Path, *options: str) -> tuple[int, str]:
    """Stop `fraud simulate` by SIGTERM under way; returns its exit code and its output."""
    environment = {
        **os.environ,
        "FRAUD_HOME": str(settings.home),
        "FRAUD_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "FRAUD_TOPICS__TRANSACTIONS": settings.topics.transactions,
        "FRAUD_TOPICS__LABELS": settings.topics.labels,
    }
    command = "import sys; from deployments.cli import main; sys.argv[0] = 'fraud'; main()"
    arguments = ["simulate", "--scenario", "small", "--cards", str(CARDS), *options]
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", command, *arguments], env=environment, stdout=output, stderr=output
        )
        try:
            _wait_for_messages(settings, process, at_least=300)
            process.send_signal(signal.SIGTERM)
            code = process.wait(30)
        finally:
            process.kill()
            process.wait()
    return code, " ".join(log.read_text().split())


def _wait_for_messages(settings: Settings, process: "subprocess.Popen[bytes]", at_least: int) -> None:
    topic, seen, deadline = settings.topics.transactions, 0, time.monotonic() + 90
    consumer = Consumer(consumer_config(settings, "watcher"))
    consumer.assign(
        [TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(settings.kafka.partitions)]
    )
    try:
        while seen < at_least:
            assert time.monotonic() < deadline
            assert process.poll() is None
            seen += len(consumer.consume(1_000, 0.2))
    finally:
        consumer.close()


def test_live_sessions_keep_their_gaps_and_go_to_rested_cards() -> None:
    span = HistoryPeriod.before(datetime(2026, 3, 5, 12, tzinfo=UTC), days=1)
    traffic = LiveTraffic(_simulator(span), span.end)

    cards: list[int] = []
    for chunk in range(40):
        batch = traffic.draw(span.end + chunk * 250 + range_of(10, 25))
        assert (batch.payments.time == span.end + chunk * 250 + range_of(10, 25)).all()
        cards.extend(batch.payments.card.tolist())

    busiest = Counter(cards).most_common(1)[0][1]
    assert busiest <= 4
    assert len(set(cards)) > 0.85 * len(cards)


def range_of(count: int, step: int) -> npt.NDArray[np.int64]:
    return np.arange(count, dtype=np.int64) * step


@pytest.mark.broker
def test_a_missing_topic_is_one_sentence(make_settings: SettingsFactory, broker: str) -> None:
    settings = make_settings(kafka={"bootstrap_servers": broker})

    with pytest.raises(UnreachableError, match="fraud topics create"):
        Publisher(settings)


def test_an_unreachable_broker_is_one_sentence(make_settings: SettingsFactory) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        settings = make_settings(kafka={"bootstrap_servers": address, "request_timeout_s": 1.0})
        with pytest.raises(UnreachableError, match="fraud up"):
            Publisher(settings)


def test_json_is_not_written_into_a_topic_of_another_format(make_settings: SettingsFactory) -> None:
    settings = make_settings(kafka={"payload_format": "schema_registry"})

    with pytest.raises(ConfigurationError, match="this command writes JSON"):
        Publisher(settings)


@pytest.mark.broker
def test_a_message_that_kafka_does_not_take_is_counted_and_raised(settings: Settings) -> None:
    huge = OutgoingMessages([b"c"], [b"x" * 2_000_000], [int(time.time() * 1_000)], [None])

    with pytest.raises(UnreachableError, match="too large"), Publisher(settings) as publisher:
        publisher.send(settings.topics.transactions, huge)


def test_tls_and_sasl_reach_the_producer(make_settings: SettingsFactory, tmp_path: Path) -> None:
    settings = make_settings(
        kafka={
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_username": "producer",
            "sasl_password": "s3cr3t",
            "ssl_ca_location": tmp_path / "ca.pem",
        }
    )

    config = producer_config(settings)

    assert config["security.protocol"] == "SASL_SSL"
    assert config["sasl.mechanism"] == "SCRAM-SHA-512"
    assert config["sasl.username"] == "producer"
    assert config["sasl.password"] == "s3cr3t"
    assert config["ssl.ca.location"] == str(tmp_path / "ca.pem")
    assert config["enable.idempotence"] is True
    assert "s3cr3t" not in repr(settings)


def test_a_span_reaches_from_midnight_to_its_end() -> None:
    span = HistoryPeriod.before(datetime(2026, 3, 10, 6, 30, tzinfo=UTC), days=2)

    assert [day.isoformat() for day in span.days()] == ["2026-03-08", "2026-03-09", "2026-03-10"]
    assert span.end % DAY_MS == timedelta(hours=6, minutes=30) // timedelta(milliseconds=1)

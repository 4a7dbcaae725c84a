"""The peers on the JVM compute what the engine computes, on a real broker; and their figures' table."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
import xgboost as xgb
from confluent_kafka import Producer

from benchmarks.serving.harness.model import WINDOW_FEATURES
from benchmarks.serving.harness.processes import committed_rate
from benchmarks.serving.harness.traffic import SyntheticTraffic
from benchmarks.serving.systems.jvm_code import FLINK, STREAMS, JvmProgram, jdk_tool
from benchmarks.serving.systems.peers import PEERS, Peer, peer_process, tables
from fraud.definitions.loading import load_definitions
from fraud.errors import ConfigurationError
from fraud.features.decoded_batch import decode_batch
from fraud.features.store import CardStore
from fraud.kafka.clients import flush, producer_config
from fraud.kafka.topics import create_topics
from fraud.machine.java import find_java
from fraud.messages.admission import AdmissionFilter
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.serving.world import read_all

_HOUR = 3_600_000
_WINDOWS = (_HOUR // 6, _HOUR, 24 * _HOUR, 7 * 24 * _HOUR, 30 * 24 * _HOUR)
_STEPS = (0, 1, 60_000, _HOUR // 6 - 1, _HOUR // 6, _HOUR, 24 * _HOUR, 7 * 24 * _HOUR, 30 * 24 * _HOUR)
"""Between two payments, ms; windows end just before, at and after some of them."""


class Paid(NamedTuple):
    """A message and what it says."""

    value: bytes
    card: str
    timestamp: int
    cents: int


def payments(count: int, cards: int) -> Iterator[Paid]:
    """Payments with all steps between them; some of a card are older than its newest."""
    traffic, draw, now = SyntheticTraffic(cards), np.random.default_rng(3), 1_760_000_000_000
    for number in range(count):
        now += int(draw.choice(_STEPS))
        late = int(draw.integers(0, 2 * _HOUR)) if number % 10 == 9 else 0
        document = msgspec.json.decode(traffic.draw(number)[1])
        document["timestamp"] = now - late
        cents = round(float(document["amount"]) * 100)
        yield Paid(msgspec.json.encode(document), document["card_id"], now - late, cents)


def plain_windows(paid: Sequence[Paid]) -> list[list[float]]:
    """The features of each payment, computed again from all payments of its card so far."""
    return [_plain_row(paid[: number + 1]) for number in range(len(paid))]


def _plain_row(paid: Sequence[Paid]) -> list[float]:
    mine = [one for one in paid if one.card == paid[-1].card]
    newest, row = max(one.timestamp for one in mine), list[float]([paid[-1].cents])
    for length in _WINDOWS:
        cents = [one.cents for one in mine if newest - one.timestamp < length]
        row += [len(cents), sum(cents), sum(cents) / len(cents), max(cents)]
    return row


@pytest.fixture(scope="module")
def booster() -> xgb.Booster:
    """A few trees on the peers' features."""
    draw = np.random.default_rng(1)
    rows = draw.lognormal(9, 2, size=(2_000, len(WINDOW_FEATURES)))
    matrix = xgb.DMatrix(rows, rows[:, 1] > rows[:, 7], feature_names=list(WINDOW_FEATURES))
    return xgb.train({"objective": "binary:logistic", "seed": 1, "nthread": 1}, matrix, num_boost_round=20)


def scored(peer: Peer, settings: Settings, booster: xgb.Booster, paid: Sequence[Paid]) -> list[Any]:
    """What a peer predicts of these payments, in their order."""
    model = settings.home.parent / "model.json"
    booster.save_model(model)
    producer = Producer(producer_config(settings))
    for one in paid:
        producer.produce(settings.topics.transactions, one.value, one.card)
    flush(producer, 30)
    with peer_process(peer, settings, model, with_features=True) as group:
        committed_rate(settings, len(paid), group.processes)
    made = read_all(settings, settings.topics.predictions)
    predictions = [msgspec.json.decode(one.value()) for one in made]
    return sorted(predictions, key=lambda one: str(one["transaction_id"]))


EACH_CHOICE_ONCE = [
    peer for peer in PEERS if (peer.store, peer.trees) in {("memory", "xgboost4j"), ("rocksdb", "java")}
]
"""Of both systems."""


@pytest.mark.parametrize("peer", EACH_CHOICE_ONCE, ids=lambda peer: peer.name)
def test_a_peer_computes_the_same_windows_and_scores(
    peer: Peer, make_settings: SettingsFactory, broker: str, booster: xgb.Booster
) -> None:
    # given payments of a few cards, on the edges of the windows, some of them late
    settings = make_settings(kafka={"bootstrap_servers": broker, "partitions": 4})
    create_topics(settings)
    paid = list(payments(300, cards=4))
    # when the peer scores them
    found = scored(peer, settings, booster, paid)
    # then each has one prediction, with the windows of a plain computation
    assert [one["transaction_id"] for one in found] == [f"tx-{number:012d}" for number in range(len(paid))]
    rows = np.array(plain_windows(paid), dtype=np.float32)
    np.testing.assert_allclose(np.array([one["features"] for one in found]), rows, rtol=1e-6)
    # and the probability that XGBoost computes in Python
    expected = booster.inplace_predict(rows)
    np.testing.assert_allclose([one["score"] for one in found], expected, rtol=1e-5)


def test_the_plain_windows_are_those_of_the_engine(local_settings: Settings) -> None:
    # given
    definitions, paid = load_definitions(), list(payments(300, cards=4))
    columns = [definitions.feature_names.index(name) for name in WINDOW_FEATURES]
    # when the engine's kernel computes the features of the same messages
    times = np.array([one.timestamp for one in paid], dtype=np.int64)
    admission = AdmissionFilter(definitions, local_settings.admission)
    decoded = decode_batch(admission, [one.value for one in paid], times)
    features, _ = CardStore(definitions).process(decoded.events)
    # then
    np.testing.assert_allclose(features[:, columns], np.array(plain_windows(paid)), rtol=1e-6)


def test_a_runtime_without_a_compiler_is_one_sentence(tmp_path: Path) -> None:
    java = find_java()
    bare = type(java)(tmp_path, java.version, java.source, java.has_vector)
    with pytest.raises(ConfigurationError, match=r"has no bin/javac.*install a JDK and set JAVA_HOME"):
        jdk_tool(bare, "javac")


@pytest.mark.parametrize("program", [STREAMS, FLINK], ids=lambda program: program.main)
def test_the_lock_names_every_module_that_is_asked_for(program: JvmProgram) -> None:
    locked = program.lock.read_text(encoding="utf-8")
    for _, name, revision in program.modules:
        assert f"  {name}-{revision}.jar\n" in locked


def test_the_tables_set_the_medians_against_the_engine() -> None:
    # given two turns of the engine and of a peer, which takes three times the processor time
    rates = [
        {"name": name, "per_s": per_s, "cpu_us": cpu_us, "resident_mb": 500.0}
        for name, per_s, cpu_us in (
            *(("this engine", 80_000.0, 10.0), ("A peer", 30_000.0, 30.0)),
            *(("this engine", 90_000.0, 10.0), ("A peer", 20_000.0, 30.0)),
        )
    ]
    delays = [
        {"name": "A peer", "p50": 20.0, "p99": p99, "p999": 90.0, "worst": p99 * 2, "missing": missing}
        for p99, missing in ((50.0, 0), (70.0, 3))
    ]
    figures = {"rates": rates, "delays": delays, "turns": 2, "messages": 1, "seconds": 1.0, "cards": 1}
    # when
    table = list(tables(figures | {"versions": []}))
    # then
    assert "| this engine | 85,000 | 80,000 | 90,000 | 10.0 | 100,000 | 1.0 | 500 |" in table
    assert "| A peer | 25,000 | 20,000 | 30,000 | 30.0 | 33,333 | 3.0 | 500 |" in table
    assert "| A peer | 20.0 | 60.0 | 50.0 | 70.0 | 90.0 | 140.0 | 3 |" in table

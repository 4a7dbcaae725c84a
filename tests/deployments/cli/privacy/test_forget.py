"""`fraud forget`, on stores that the real parts have filled: afterwards no byte of them has the card."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from confluent_kafka import Producer

from fraud.decisions.lists.publishing import read_lists
from fraud.ingest.commits import day_of
from fraud.ingest.partition import ingest_partition, sources
from fraud.kafka.clients import flush, producer_config
from fraud.kafka.permission_checks import require_readable
from fraud.kafka.topics import create_topics
from fraud.lake import open_lake
from fraud.machine.spark_environment import spark_environment
from fraud.preprocess.profiles import make_profiles
from fraud.preprocess.rows import make_rows
from fraud.privacy.forgotten import read_forgotten
from fraud.settings import Settings, SparkSettings
from fraud.spark import spark_session
from producer.replay.run import ReplayRequest, replay
from serving.dashboard.database.urls import database_of
from serving.dashboard.feed.store import Store
from serving.dashboard.feed.tables import metadata
from tests.conftest import SettingsFactory
from tests.deployments.conftest import FraudCommand
from tests.producer.replay.test_run import ProgressListener
from tests.serving.dashboard.feed.writing import rows_of
from tests.serving.dashboard.support import now_ms, run_dashboard, wait_for
from tests.serving.world import read_all, register, running, tiny_bundle, transaction, wait_for_predictions

pytestmark = [pytest.mark.broker, pytest.mark.spark, pytest.mark.timeout(400)]

CARD, OTHER = "card-of-ada-77", "card-of-bob-78"
MINUTE_MS = 60_000
FILLED = {
    "home: logs",
    "home: rejected",
    "lake: decisions",
    "lake: features/v1",
    "lake: labels",
    "lake: labels/_rejected",
    "lake: transactions",
    "lake: transactions/_rejected",
    "dashboard",
    "lists",
}
"""Where the search must find the card before it is forgotten: it sees each store, so that it would see one
that is left out."""


@pytest.fixture
def everything(
    make_settings: SettingsFactory,
    broker: str,
    mlflow_db: str,
    database_url: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """Settings of all stores, for commands too."""
    made = make_settings(
        kafka={"bootstrap_servers": broker, "partitions": 2},
        serving={"commit_interval_s": 0.05, "snapshot_interval_s": 0.2},
        registry={"poll_interval_s": 0.2},
        dashboard={"database_url": database_url},
    )
    create_topics(made)
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", broker)
    for name, topic in made.topics.model_dump().items():
        monkeypatch.setenv(f"FRAUD_TOPICS__{name.upper()}", topic)
    if database_url:
        monkeypatch.setenv("FRAUD_DASHBOARD__DATABASE_URL", database_url)
    return made


def test_no_store_has_the_card_and_none_gets_it_again(
    fraud: FraudCommand, everything: Settings, make_settings: SettingsFactory, tmp_path: Path
) -> None:
    # given every store with the card, put there by the parts themselves
    fill(fraud, everything)
    assert stores_with(everything, CARD) == FILLED
    # when it is only counted, then nothing is gone
    counted = fraud("forget", CARD)
    assert counted.code == 0
    assert stores_with(everything, CARD) == FILLED
    assert "run it again with --yes" in counted.out
    # when it is forgotten
    done = fraud("forget", CARD, "--yes", "--as", "eve")
    # then no store has it, and each has the other card still
    assert done.code == 0, done.err
    assert stores_with(everything, CARD) == set()
    assert stores_with(everything, OTHER) >= {"lake: transactions", "lake: features/v1", "dashboard"}
    # and the report says what Kafka keeps, until when
    assert f"topic: {everything.topics.transactions}" in done.out
    assert "indefinitely: set the topic's retention.ms" in done.out
    # and neither an ingest nor a new lake and a new dashboard bring it back from the log
    send(everything, [one(CARD, 50), one(OTHER, 51)])
    ingest(everything)
    assert stores_with(everything, CARD) == set()
    fresh = everything.model_copy(update={"home": tmp_path / "fresh", "dashboard": make_settings().dashboard})
    fresh = Settings(**{name: getattr(fresh, name) for name in Settings.model_fields})
    ingest(fresh)
    with run_dashboard(fresh) as dashboard:
        store = dashboard.context.store
        wait_for(lambda: rows_of(store, "SELECT * FROM payments WHERE transaction_id = 't51'"))
    assert stores_with(fresh, CARD) == set()
    assert stores_with(fresh, OTHER) >= {"lake: transactions", "dashboard"}


def fill(fraud: FraudCommand, settings: Settings) -> None:
    """Bring a card into every store, by what brings cards there."""
    register(settings, tiny_bundle(settings, threshold=0.001))
    settings.home.joinpath("logs").mkdir(parents=True)
    settings.home.joinpath("logs", "serving.log").write_text(f"INFO a line that names {CARD}\n")
    put_rejected_row(settings)
    sent = [one(card, number) for number, card in enumerate([CARD, OTHER] * 8)]
    send(settings, [*sent, one(CARD, 0) | {"amount": "999.00"}, f'{{"card_id": "{CARD}", broken'.encode()])
    send_labels(settings)
    with running(settings), run_dashboard(settings) as dashboard:
        wait_for_predictions(settings, len(sent) + 1, timeout_s=120)
        wait_for(lambda: open_lake(settings).list_files("state", ".snapshot"))
        anna = dashboard.browser("anna")
        wait_for(lambda: len(anna.alerts()) >= len(sent))
        assert anna.review("t0", "fraud", f"{CARD} was stolen").is_success
    assert fraud("list", "add", "blocked_cards", CARD, OTHER, "--as", "ann").code == 0
    ingest(settings)
    preprocess(settings)


def one(card_id: str, number: int) -> dict[str, Any]:
    """A payment of today."""
    moment = now_ms() - 200 * MINUTE_MS + number * MINUTE_MS
    return transaction(number, card_id=card_id, timestamp=moment)


def put_rejected_row(settings: Settings) -> None:
    """A file of a user's own, of which one row cannot be used."""
    file, moment = Path("own.csv"), now_ms() - 300 * MINUTE_MS
    head = "transaction_id,card_id,merchant_id,amount,currency,timestamp"
    rows = [f"own1,{OTHER},m,1.00,EUR,{moment}", f"own2,{CARD},m,much,EUR,{moment}"]
    file.write_text("\n".join([head, *rows]))
    replay(settings, ReplayRequest(file, None), ProgressListener())
    file.unlink()


def send(settings: Settings, values: list[dict[str, Any] | bytes]) -> None:
    """Produce payments, and what is none, under the card."""
    producer = Producer(producer_config(settings))
    for value in values:
        content = value if isinstance(value, bytes) else json.dumps(value)
        card, moment = (
            (CARD, now_ms()) if isinstance(value, bytes) else (value["card_id"], value["timestamp"])
        )
        producer.produce(settings.topics.transactions, content, card, timestamp=moment)
    flush(producer, 30)


def send_labels(settings: Settings) -> None:
    """A report on each card, and one that is refused."""
    producer = Producer(producer_config(settings))
    for number, card in enumerate((CARD, OTHER)):
        report = {"transaction_id": f"t{number}", "card_id": card, "is_fraud": True, "reported_at": now_ms()}
        producer.produce(settings.topics.labels, json.dumps(report), card)
    producer.produce(settings.topics.labels, json.dumps({"transaction_id": "t0", "card_id": CARD}), CARD)
    flush(producer, 30)


def ingest(settings: Settings) -> None:
    lake = open_lake(settings)
    for source in sources(settings):
        for partition in range(require_readable(settings, source.topic)):
            ingest_partition(settings, lake, source, partition)


def preprocess(settings: Settings) -> None:
    """Profiles and training rows of the days of the payments."""
    lake, definitions = open_lake(settings), settings.loaded_definitions
    first, last = day_of(now_ms() - 400 * MINUTE_MS), day_of(now_ms())
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    java = Path(spark_environment()["JAVA_HOME"])
    with spark_session(SparkSettings(master="local[1]", driver_memory="1g", java_home=java)) as spark:

        def opened() -> Any:
            from contextlib import nullcontext

            return nullcontext(spark)

        make_profiles(definitions, lake, days, opened)
        make_rows(definitions, lake, days, settings.admission.lateness, 1_000, opened)


def stores_with(settings: Settings, card_id: str) -> set[str]:
    """The stores that have the card: every byte of every file, Parquet decoded, and all rows of databases."""
    return {
        *files_with(settings, card_id),
        *database_with(settings, card_id),
        *topics_with(settings, card_id),
    }


def files_with(settings: Settings, card_id: str) -> Iterator[str]:
    for path in settings.home.rglob("*"):
        if path.is_file() and card_id.encode() in content_of(path):
            yield name_of(path.relative_to(settings.home))


def content_of(path: Path) -> bytes:
    if path.suffix != ".parquet":
        return path.read_bytes()
    return repr(pq.read_table(io.BytesIO(path.read_bytes())).to_pylist()).encode()


def name_of(path: Path) -> str:
    kind, *parts = path.parts
    if kind == "dashboard":
        return kind
    if kind != "lake":
        return f"home: {kind}"
    return "lake: " + "/".join(part for part in parts[:-1] if "=" not in part)


def database_with(settings: Settings, card_id: str) -> Iterator[str]:
    store = Store(database_of(settings))
    try:
        names = [table.name for table in metadata.sorted_tables]
        if any(
            card_id in str(dict(row)) for name in names for row in rows_of(store, f"SELECT * FROM {name}")
        ):
            yield "dashboard"
    finally:
        store.close()


def topics_with(settings: Settings, card_id: str) -> Iterator[str]:
    """The topics from which something can be removed by card."""
    if any(entry.value == card_id for entry in read_lists(settings)):
        yield "lists"
    for message in read_all(settings, settings.topics.forgotten):
        if card_id.encode() in (message.key() or b"") + (message.value() or b""):
            yield "forgotten cards"


def test_the_moment_is_said_at_which_kafka_has_lost_the_card(
    fraud: FraudCommand, everything: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given topics that keep messages for 60 days at most
    topics = {name: f"{topic}.60" for name, topic in everything.topics.model_dump().items()}
    days = {"retention_days": 60, "label_retention_days": 60, "letter_retention_days": 60}
    limited = everything.model_copy(
        update={
            "topics": everything.topics.model_copy(update=topics),
            "kafka": everything.kafka.model_copy(update=days),
        }
    )
    create_topics(limited)
    for name, topic in topics.items():
        monkeypatch.setenv(f"FRAUD_TOPICS__{name.upper()}", topic)
    # when
    done = fraud("forget", CARD, "--yes", "--as", "eve")
    # then it is 60 days and the week that a segment takes messages
    assert done.code == 0, done.err
    last = datetime.now(UTC) + timedelta(days=67)
    assert f"until {last:%Y-%m-%d} at the latest" in done.out
    (card,) = read_forgotten(limited).by_digest.values()
    assert card.until is not None
    assert abs(card.until - last.timestamp() * 1_000) < 120_000


def test_an_id_can_be_given_where_no_shell_keeps_it(
    fraud: FraudCommand, everything: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{CARD}\n"))
    assert fraud("forget", "-", "--yes", "--as", "eve").code == 0
    assert read_forgotten(everything).has(CARD)


@pytest.mark.parametrize("card_id", ["", "c" * 65])
def test_what_is_no_id_is_refused(fraud: FraudCommand, card_id: str) -> None:
    found = fraud("forget", card_id)
    assert found.code == 2
    assert "1 to 64 characters" in found.err


def test_nothing_is_removed_where_a_store_cannot_be_reached(
    fraud: FraudCommand, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a home whose Kafka is away
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("FRAUD_KAFKA__REQUEST_TIMEOUT_S", "0.5")
    (home / "logs").mkdir(parents=True)
    (home / "logs" / "serving.log").write_text(CARD)
    # when
    found = fraud("forget", CARD, "--yes", "--as", "eve")
    # then
    assert found.code == 3
    assert (home / "logs" / "serving.log").read_text() == CARD

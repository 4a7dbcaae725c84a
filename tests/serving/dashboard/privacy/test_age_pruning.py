"""What is older than the settings allow leaves the dashboard's database, on SQLite and PostgreSQL."""

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from fraud.definitions.features import DAY_MS
from fraud.schema import Label
from fraud.settings import RetentionSettings, Settings
from serving.dashboard.feed.audit import add_audit_entry
from serving.dashboard.feed.recorder import Batch
from serving.dashboard.feed.store import Store
from serving.dashboard.privacy.age_pruning import AgePruning
from tests.serving.dashboard.feed.writing import execute, recorder_on, rows_of, value_of
from tests.serving.dashboard.support import now_ms, payment, prediction_for


def write(store: Store, settings: Settings, ages_days: list[int]) -> None:
    recorder = recorder_on(store, settings)
    for number, days in enumerate(ages_days):
        moment = now_ms() - days * DAY_MS
        paid = payment(number, timestamp=moment, card_id=f"card-{days}")
        labels = [Label(paid.transaction_id, paid.card_id, True, moment)]
        recorder.write(Batch(transactions=[paid], predictions=[prediction_for(paid)], labels=labels))
    recorder._connection.close()


def days_left(store: Store) -> dict[str, int]:
    return {
        name: value_of(store, f"SELECT count(*) FROM {name}") for name in ("payments", "alerts", "labels")
    }


def prune(connection: Connection, retention: RetentionSettings) -> bool:
    with connection.begin():
        return AgePruning(connection, retention).run()


def test_history_goes_by_its_distance_from_the_newest_payment(
    store: Store, connection: Connection, local_settings: Settings
) -> None:
    # given payments of a replayed history: all of them are old, the newest by 1,000 days
    unlimited = local_settings.model_copy(update={"retention": RetentionSettings(history_days=-1)})
    write(store, unlimited, [1_000, 1_010, 1_399, 1_401])
    # when
    assert prune(connection, RetentionSettings(history_days=400)) is True
    # then only what is more than 400 days older than the newest is gone, with the id of its card
    assert days_left(store) == {"payments": 3, "alerts": 3, "labels": 3}
    assert value_of(store, "SELECT count(*) FROM cards WHERE card_id = 'card-1401'") == 0
    assert prune(connection, RetentionSettings(history_days=-1)) is False


def test_the_recorder_prunes_as_it_writes(store: Store, local_settings: Settings) -> None:
    section = RetentionSettings(history_days=10)
    write(store, local_settings.model_copy(update={"retention": RetentionSettings(history_days=-1)}), [20])
    write(store, local_settings.model_copy(update={"retention": section}), [0])
    assert days_left(store) == {"payments": 1, "alerts": 1, "labels": 1}


def test_reviews_go_when_label_and_event_were_sent(store: Store, connection: Connection) -> None:
    # given an old review that was sent, one that was not, and a young one
    rows = (("sent", 100, 0), ("waiting", 100, 1), ("young", 1, 0))
    for name, days, pending in rows:
        execute(
            store,
            "INSERT INTO reviews (id, transaction_id, card_id, outcome, note, analyst, decided_at, pending, "
            "event_pending) VALUES (:id, 't', 'c', 'fraud', '', 'ann', :at, :pending, :pending)",
            id=name,
            at=now_ms() - days * DAY_MS,
            pending=pending,
        )
    # when
    prune(connection, RetentionSettings(review_days=50))
    # then
    assert [row["id"] for row in rows_of(store, "SELECT id FROM reviews ORDER BY seq")] == [
        "waiting",
        "young",
    ]


def test_the_audit_ends_with_its_retention_and_nobody_else_can_end_it(
    store: Store, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an entry of two years ago and one of today
    for days in (730, 0):
        monkeypatch.setattr("serving.dashboard.feed.audit.now_ms", lambda days=days: now_ms() - days * DAY_MS)
        with store.write_transaction() as writing:
            add_audit_entry(writing, "ann", "login", f"{days} days ago", {})
    # when
    prune(connection, RetentionSettings(audit_days=365))
    # then
    assert [row["subject"] for row in rows_of(store, "SELECT * FROM audit")] == ["0 days ago"]
    with pytest.raises(DatabaseError, match="append only"):
        execute(store, "DELETE FROM audit")

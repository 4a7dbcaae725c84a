"""The store's file: an older one is brought up to date, a foreign one is left alone."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from fraud.errors import DataError
from serving.dashboard.api.queries import find_alerts, read_case
from serving.dashboard.database.former_versions import PAYMENTS_AND_ALERTS_OF_VERSION_4
from serving.dashboard.feed.payment_key import card_ref
from serving.dashboard.feed.shadow import shadow_agreement
from serving.dashboard.feed.store import Store
from tests.definitions import V1
from tests.serving.dashboard.feed.former_files import write_former_file
from tests.serving.dashboard.feed.writing import execute, rows_of, value_of

BACK_TO_VERSION_6 = """
DROP INDEX alerts_by_decision;
ALTER TABLE alerts DROP COLUMN decision;
ALTER TABLE alerts DROP COLUMN is_sample;
ALTER TABLE alerts DROP COLUMN decided_by;
ALTER TABLE alerts DROP COLUMN rules;
ALTER TABLE alerts DROP COLUMN lists;
ALTER TABLE alerts DROP COLUMN policy;
ALTER TABLE alerts DROP COLUMN segment;
INSERT INTO alerts VALUES (7, 't1', 'a', 'm', 5, 'EUR', 6, 'DE', 1.5, 2.5, 0.75, 0.5, 'fraud-detector',
    '3', 1, 8, NULL, '[]', NULL, NULL, 0.05, 0.04, '{}', NULL, NULL, NULL);
PRAGMA user_version = 6;
"""
BACK_TO_VERSION_5 = f"""
{BACK_TO_VERSION_6}
DELETE FROM alerts;
ALTER TABLE alerts DROP COLUMN profile_moment;
ALTER TABLE alerts DROP COLUMN profiles;
INSERT INTO alerts VALUES (7, 't1', 'a', 'm', 5, 'EUR', 6, 'DE', 1.5, 2.5, 0.75, 0.5, 'fraud-detector',
    '3', 1, 8, NULL, '[]', NULL, NULL, 0.05, 0.04, '{{}}', NULL);
PRAGMA user_version = 5;
"""
BACK_TO_VERSION_4 = f"""
DROP TABLE payments;
DROP TABLE alerts;
{PAYMENTS_AND_ALERTS_OF_VERSION_4}
PRAGMA user_version = 4;
"""
BACK_TO_VERSION_3 = f"""
{BACK_TO_VERSION_4}
DROP INDEX reviews_of_payment;
DROP INDEX reviews_pending;
ALTER TABLE reviews RENAME TO verdicts;
ALTER TABLE verdicts RENAME COLUMN outcome TO verdict;
CREATE INDEX verdicts_of_payment ON verdicts (transaction_id, card_id, seq);
CREATE INDEX verdicts_pending ON verdicts (pending) WHERE pending;
DROP TABLE shadow_scores;
CREATE TABLE shadow (
    model_version TEXT, challenger_version TEXT, scored INTEGER NOT NULL, both INTEGER NOT NULL,
    champion_only INTEGER NOT NULL, challenger_only INTEGER NOT NULL, difference REAL NOT NULL,
    PRIMARY KEY (model_version, challenger_version)
) STRICT;
DROP INDEX labels_of_fraud_type;
ALTER TABLE labels RENAME COLUMN fraud_type TO campaign;
CREATE INDEX labels_of_campaign ON labels (campaign) WHERE campaign IS NOT NULL;
PRAGMA user_version = 3;
"""
BACK_TO_VERSION_2 = f"""
{BACK_TO_VERSION_3}
DROP TABLE secrets;
DROP TABLE refused;
DROP TABLE payments;
DROP TABLE alerts;
DROP TABLE labels;
DROP INDEX verdicts_of_payment;
CREATE TABLE payments (
    seq INTEGER PRIMARY KEY, transaction_id TEXT NOT NULL UNIQUE, card_id TEXT NOT NULL, merchant_id TEXT,
    amount INTEGER NOT NULL, currency TEXT NOT NULL, timestamp INTEGER NOT NULL, category TEXT, channel TEXT,
    country TEXT, latitude REAL, longitude REAL, score REAL, flagged INTEGER
) STRICT;
CREATE INDEX payments_of_card ON payments (card_id, timestamp);
CREATE TABLE alerts (
    seq INTEGER PRIMARY KEY, transaction_id TEXT NOT NULL UNIQUE, card_id TEXT NOT NULL, merchant_id TEXT,
    amount INTEGER NOT NULL, currency TEXT NOT NULL, timestamp INTEGER NOT NULL, category TEXT, channel TEXT,
    country TEXT, latitude REAL, longitude REAL, score REAL NOT NULL, threshold REAL NOT NULL,
    model_name TEXT NOT NULL, model_version TEXT NOT NULL, feature_version INTEGER NOT NULL,
    scored_at INTEGER NOT NULL, profile_date TEXT, reasons TEXT NOT NULL, challenger_version TEXT,
    challenger_score REAL, value REAL NOT NULL, at_risk REAL NOT NULL
) STRICT;
CREATE INDEX alerts_by_risk ON alerts (at_risk);
CREATE INDEX alerts_of_merchant ON alerts (merchant_id);
CREATE INDEX alerts_of_country ON alerts (country);
CREATE TABLE labels (
    transaction_id TEXT PRIMARY KEY, is_fraud INTEGER NOT NULL, reported_at INTEGER NOT NULL,
    source TEXT NOT NULL, campaign TEXT
) STRICT;
CREATE INDEX labels_of_campaign ON labels (campaign) WHERE campaign IS NOT NULL;
CREATE INDEX verdicts_of_transaction ON verdicts (transaction_id, seq);
INSERT INTO payments VALUES (4, 't1', 'card-a', 'm', 5, 'EUR', 6, 'c', 'online', 'DE', 1.5, 2.5, 0.75, 1);
INSERT INTO alerts VALUES (7, 't1', 'card-a', 'm', 5, 'EUR', 6, 'c', 'online', 'DE', 1.5, 2.5, 0.75, 0.5,
    'fraud-detector', '3', 1, 8, NULL, '[]', NULL, NULL, 0.05, 0.04);
INSERT INTO labels VALUES ('t1', 1, 5, 'chargeback', NULL);
INSERT INTO offsets VALUES ('cluster', 'labels-here', 0, 9), ('cluster', 'fraud_predictions', 0, 3);
INSERT INTO verdicts VALUES (1, 'v', 't1', 'card-a', 'fraud', '', 'anna', 9, 0);
PRAGMA user_version = 2;
"""
BACK_TO_VERSION_1 = """
DROP INDEX labels_of_campaign;
ALTER TABLE labels DROP COLUMN campaign;
ALTER TABLE sessions DROP COLUMN role;
PRAGMA user_version = 1;
"""


@pytest.mark.parametrize("older", [BACK_TO_VERSION_2, BACK_TO_VERSION_2 + BACK_TO_VERSION_1])
def test_an_older_file_is_brought_up_to_date_with_what_is_in_it(tmp_path: Path, older: str) -> None:
    # given the file of an earlier version
    path = tmp_path / "history.db"
    write_former_file(path, older)
    # when it is opened
    store = Store(path, "labels-here")
    # then its payments, alerts and reviews are there, by card and id
    with store.reading() as connection:
        (alert,) = find_alerts(connection, "t1", store.card_ref("card-a"))
        case = read_case(connection, alert, V1)
    assert (alert["seq"], alert["outcome"], alert["at_risk"]) == (7, "fraud", 0.04)
    assert [(one["seq"], one["score"]) for one in case["payments"]] == [(4, 0.75)]
    execute(
        store,
        "INSERT INTO payments (transaction_id, card_id, amount, currency, timestamp) "
        "VALUES ('t1', 'card-b', 5, 'EUR', 6)",
    )
    # and its labels, which named no card, are read again, and nothing else is
    assert value_of(store, "SELECT count(*) FROM labels") == 0
    assert [row["topic"] for row in rows_of(store, "SELECT * FROM offsets")] == ["fraud_predictions"]
    store.close()
    # and the next opening changes nothing
    again = Store(path, "labels-here")
    assert again.card_ref("card-a") == alert["card_ref"]
    again.close()


def test_a_file_of_version_4_keeps_the_fields_of_its_payments(tmp_path: Path) -> None:
    # given a file of version 4 with a payment, its alert, and one whose transaction has not arrived
    path = tmp_path / "history.db"
    write_former_file(
        path,
        BACK_TO_VERSION_4
        + """
        INSERT INTO payments VALUES (4, 't1', 'a', 'm', 5, 'EUR', 6, 'c', 'online', 'DE', 1.5, NULL, 0.75, 1);
        INSERT INTO alerts VALUES (7, 't1', 'a', 'm', 5, 'EUR', 6, 'c', 'online', 'DE', 1.5, NULL, 0.75,
            0.5, 'fraud-detector', '3', 1, 8, NULL, '[]', NULL, NULL, 0.05, 0.04),
            (8, 't2', 'a', NULL, 5, 'EUR', 6, NULL, NULL, NULL, NULL, NULL, 0.75,
            0.5, 'fraud-detector', '3', 1, 8, NULL, '[]', NULL, NULL, 0.05, 0.04);
        """,
    )
    # when it is opened
    store = Store(path)
    # then the alert has them, under the names that the definitions give them
    fields = {"merchant_category": "c", "channel": "online", "country": "DE", "latitude": 1.5}
    (alert,) = alerts_of(store, "t1")
    assert (alert["fields"], alert["category"], alert["definitions"]) == (fields, "c", None)
    with store.reading() as connection:
        case = read_case(connection, alert, V1)
    assert [one["fields"] for one in case["payments"]] == [fields]
    assert {one["name"]: one["text"] for one in case["fields"]} == {
        "merchant_category": "c", "channel": "online", "country": "DE", "latitude": "1.5", "longitude": None,
    }  # fmt: skip
    # and the one whose transaction has not arrived has none
    (waiting,) = alerts_of(store, "t2")
    assert waiting["fields"] == {}
    # and the file is like a new one
    store.close()
    assert _schema(Store(path)) == _schema(Store(tmp_path / "new.db"))


def test_a_file_of_version_3_keeps_its_labels_offsets_and_reviews(tmp_path: Path) -> None:
    # given a file of version 3 with an alert, its label, and a review that Kafka does not have yet
    path = tmp_path / "history.db"
    write_former_file(
        path,
        BACK_TO_VERSION_3
        + """
        INSERT INTO alerts VALUES (7, 't1', 'card-a', 'm', 5, 'EUR', 6, 'c', 'online', 'DE', 1.5, 2.5, 0.75,
            0.5, 'fraud-detector', '3', 1, 8, NULL, '[]', '4', 0.6, 0.05, 0.04);
        INSERT INTO labels VALUES (2, 't1', 'card-a', 1, 5, 'chargeback', 'card_testing', 1);
        INSERT INTO offsets VALUES ('cluster', 'labels-here', 0, 9);
        INSERT INTO verdicts VALUES (1, 'v', 't1', 'card-a', 'fraud', 'note', 'anna', 9, 1);
        INSERT OR REPLACE INTO secrets VALUES ('card_ref', x'0123');
        """,
    )
    # when it is opened
    store = Store(path, "labels-here")
    # then they are there under the names of today, and nothing is read again
    with store.reading() as connection:
        (alert,) = find_alerts(connection, "t1", card_ref(b"\x01\x23", "card-a"))
        assert shadow_agreement(connection, lambda _: 0.5) == []
    assert (alert["outcome"], alert["note"], alert["pending"]) == ("fraud", "note", 1)
    assert (alert["fraud_type"], alert["label_source"]) == ("card_testing", "chargeback")
    assert [row["next"] for row in rows_of(store, "SELECT * FROM offsets")] == [9]
    store.close()
    # and a file that was brought up to date is like a new one
    new = Store(tmp_path / "new.db")
    assert _schema(Store(path)) == _schema(new)


def alerts_of(store: Store, transaction_id: str) -> list[dict[str, Any]]:
    with store.reading() as connection:
        return find_alerts(connection, transaction_id, None)


def _schema(store: Store) -> set[str]:
    rows = rows_of(store, "SELECT type || ' ' || name AS object FROM sqlite_master")
    names = {row["object"] for row in rows}
    store.close()
    return names


def test_a_file_that_cannot_be_brought_up_to_date_stays_as_it_was(tmp_path: Path) -> None:
    # given a file of an earlier version that lacks a table
    path = tmp_path / "history.db"
    write_former_file(path, BACK_TO_VERSION_2 + "DROP TABLE alerts;")
    # when it is opened
    with pytest.raises(DataError, match="cannot be used"):
        Store(path)
    # then no step was taken
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == 2
    assert connection.execute("SELECT count(*) FROM payments").fetchone()[0] == 1
    connection.close()


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    write_former_file(path, "PRAGMA user_version = 99")
    with pytest.raises(DataError, match="another version"):
        Store(path)


def test_a_file_of_version_5_has_no_profiles_of_fields(tmp_path: Path) -> None:
    # given a file from before alerts had them
    path = tmp_path / "history.db"
    write_former_file(path, BACK_TO_VERSION_5)
    # when it is opened
    store = Store(path)
    # then its alerts have none
    (alert,) = alerts_of(store, "t1")
    assert (alert["profile_moment"], alert["profiles"]) == (None, {})
    with store.reading() as connection:
        assert read_case(connection, alert, V1)["profiles"] == []
    store.close()


def test_every_alert_of_a_file_of_version_6_is_a_review(tmp_path: Path) -> None:
    # given a file from before there were other outcomes
    path = tmp_path / "history.db"
    write_former_file(path, BACK_TO_VERSION_6)
    # when it is opened
    store = Store(path)
    # then its alerts were to be reviewed, as the model said
    (alert,) = alerts_of(store, "t1")
    assert (alert["decision"], alert["is_sample"], alert["decided_by"]) == ("review", False, None)
    assert (alert["rules"], alert["lists"]) == ([], [])
    # and the file is like a new one
    store.close()
    assert _schema(Store(path)) == _schema(Store(tmp_path / "new.db"))

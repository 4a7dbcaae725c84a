from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraud.errors import DataError
from fraud.settings import Settings
from producer.replay.tables import Files, Tables, read_fraud_types, read_tables

HOUR = 3_600_000
NOON = 1_704_110_400_000
"""2024-01-01T12:00:00Z."""


def read(settings: Settings, files: Files) -> Tables:
    return read_tables(settings, files, lambda *_: None)


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def transactions(tmp_path: Path) -> Path:
    """Three payments out of order, and one that is none."""
    return write(
        tmp_path / "payments.csv",
        "transaction_id,card_id,merchant_id,amount,currency,timestamp",
        "b,c1,m1,20.00,EUR,2024-01-01T13:00:00",
        "a,c1,m1,10.00,EUR,2024-01-01T12:00:00",
        "refund,c1,m1,-5.00,EUR,2024-01-01T14:00:00",
        "c,c2,m1,30.00,EUR,2024-01-01T15:00:00",
    )


def test_files_become_tables_in_order_of_time(
    local_settings: Settings, transactions: Path, tmp_path: Path
) -> None:
    # given labels of which one says when it was reported and one speaks of a rejected row
    labels = write(
        tmp_path / "labels.csv",
        "transaction_id,is_fraud,reported_at",
        "a,1,2024-01-02T12:00:00",
        "c,1,",
        "refund,1,",
    )
    # when they are read
    found = read(local_settings, Files(transactions, labels, label_delay=timedelta(hours=2)))
    # then the payments are in order, amounts in minor units
    assert found.transactions["transaction_id"].to_pylist() == ["a", "b", "c"]
    assert found.transactions["amount"].to_pylist() == [1_000, 2_000, 3_000]
    # and the labels know when they were reported, the one of the rejected row is gone with it
    unplaced = {"card_id": None, "is_fraud": True, "source": None}
    assert found.labels.to_pylist() == [
        unplaced | {"transaction_id": "a", "reported_at": NOON + 24 * HOUR},
        unplaced | {"transaction_id": "c", "reported_at": NOON + 5 * HOUR},
    ]
    # and what was rejected is kept aside
    assert [rejected.count for rejected in found.rejected] == [1, 0]
    assert "refund" in found.rejected[0].path.read_text()


def test_labels_may_be_a_column_of_the_transactions(local_settings: Settings, tmp_path: Path) -> None:
    payments = write(
        tmp_path / "payments.csv",
        "transaction_id,card_id,merchant_id,amount,currency,timestamp,is_fraud",
        "a,c1,m1,10.00,EUR,2024-01-01T12:00:00,1",
        "b,c1,m1,20.00,EUR,2024-01-01T13:00:00,0",
    )
    found = read(local_settings, Files(payments, label_delay=timedelta(hours=1)))
    assert found.labels["is_fraud"].to_pylist() == [True, False]
    assert found.labels["reported_at"].to_pylist() == [NOON + HOUR, NOON + 2 * HOUR]


def test_a_file_without_labels_is_refused(local_settings: Settings, transactions: Path) -> None:
    with pytest.raises(DataError, match="has no column is_fraud: give the labels with --labels"):
        read(local_settings, Files(transactions))


def test_a_file_without_a_single_transaction_is_refused(local_settings: Settings, tmp_path: Path) -> None:
    payments = write(
        tmp_path / "payments.csv",
        "transaction_id,card_id,merchant_id,amount,currency,timestamp,is_fraud",
        "a,c1,m1,much,EUR,2024-01-01T12:00:00,1",
    )
    with pytest.raises(
        DataError, match=r"none of the 1 rows .* is a transaction; the first, in line 2: amount 'much'"
    ):
        read(local_settings, Files(payments))


@pytest.mark.parametrize("column", ["fraud_type", "campaign"])
def test_fraud_types_are_read_under_their_earlier_name_too(tmp_path: Path, column: str) -> None:
    truth = tmp_path / "truth.parquet"
    pq.write_table(pa.table({"transaction_id": ["a"], "is_fraud": [True], column: ["bust-out"]}), truth)
    assert read_fraud_types(truth).to_pylist() == [{"transaction_id": "a", "fraud_type": "bust-out"}]


@pytest.mark.parametrize("header", ["transaction_id,fraud_type", "transaction_id,campaign"])
def test_a_truth_that_is_no_parquet_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(DataError, match="no Parquet file with the columns transaction_id and fraud_type"):
        read_fraud_types(write(tmp_path / "truth.csv", header))


def test_a_truth_without_the_kind_of_fraud_is_refused(tmp_path: Path) -> None:
    truth = tmp_path / "truth.parquet"
    pq.write_table(pa.table({"transaction_id": ["a"], "is_fraud": [True]}), truth)
    with pytest.raises(DataError, match="no Parquet file with the columns"):
        read_fraud_types(truth)

"""Reported payments: found by what the lake keeps, whatever comes first and whichever days a run searches."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from fraud.definitions.features import DAY_MS, HOUR_MS
from fraud.ingest.commits import committed_files, day_of
from fraud.lake import Lake, open_lake
from fraud.preprocess.plan import LakeIndex
from fraud.profiles.making.periods import make_periods
from fraud.profiles.making.reported import ReportedPayments, update_reported
from fraud.settings import Settings
from tests.fraud.lakes import GrowingLake
from tests.fraud.profiles.definitions import PROFILED, TEXT, with_profiled_fields, write_definitions
from tests.fraud.streams import START_MS, label, transaction

FIRST = day_of(START_MS)
DAYS = 6


@dataclass(frozen=True)
class RecordingLake(Lake):
    """A lake that says which tables were read."""

    read: list[str] = field(default_factory=list)

    def read_table(self, path: str, columns: list[str] | None = None) -> pa.Table:
        self.read.append(path)
        return super().read_table(path, columns)


@pytest.fixture
def growing(make_settings: Callable[..., Settings], tmp_path: Path) -> GrowingLake:
    """Ten payments on each of six days."""
    settings = make_settings(definitions=write_definitions(tmp_path))
    opened = open_lake(settings)
    growing = GrowingLake(settings, RecordingLake(opened.filesystem, opened.root))
    for day in range(DAYS):
        paid = [transaction(10 * day + number, START_MS + day * DAY_MS + number) for number in range(10)]
        growing.add(growing.transactions, [with_profiled_fields(one) for one in paid])
    return growing


def update(growing: GrowingLake, days: list[date] | None = None) -> ReportedPayments:
    index = LakeIndex.of_transactions(growing.lake)
    make_periods(PROFILED, growing.lake, index, index.days if days is None else days)
    return update_reported(PROFILED, growing.lake, index, index.days if days is None else days)


def ids(reported: ReportedPayments) -> list[str]:
    return sorted(reported.payments["transaction_id"].to_pylist())


def transactions_read(growing: GrowingLake) -> list[str]:
    assert isinstance(growing.lake, RecordingLake)
    found = [path for path in growing.lake.read if path.startswith(("transactions/", "labels/"))]
    growing.lake.read.clear()
    return found


def test_a_run_reads_new_labels_and_the_files_of_their_payments(growing: GrowingLake) -> None:
    # given reported payments that are kept
    growing.add(growing.labels, [label(number, START_MS + 2 * DAY_MS) for number in (1, 12)])
    assert ids(update(growing)) == ["t1", "t12"]
    transactions_read(growing)
    # when nothing is new, then nothing is read
    update(growing)
    assert transactions_read(growing) == []
    # and when a payment of the second day is reported, then its file and the label's are
    growing.add(growing.labels, [label(13, START_MS + 3 * DAY_MS)])
    assert ids(update(growing)) == ["t1", "t12", "t13"]
    read = transactions_read(growing)
    newest = committed_files(growing.lake, "labels")[-1].path
    assert [path for path in read if path.startswith("labels/")] == [newest]
    assert {path.split("/")[1] for path in read if path != newest} == {f"date={FIRST + timedelta(days=1)}"}
    assert len(read) == 2


def test_a_payment_that_comes_after_its_label_is_found(growing: GrowingLake) -> None:
    # given a label whose payment is not there yet
    growing.add(growing.labels, [label(99, START_MS + 5 * DAY_MS)])
    assert ids(update(growing)) == []
    # when it comes
    growing.add(growing.transactions, [with_profiled_fields(transaction(99, START_MS + 4 * DAY_MS))])
    # then it is found
    assert ids(update(growing)) == ["t99"]


def test_days_that_a_run_leaves_out_are_searched_when_they_are_wanted(growing: GrowingLake) -> None:
    # given a run over all days, and one over the last two when a payment of the first is reported
    growing.add(growing.labels, [label(12, START_MS + 2 * DAY_MS)])
    update(growing)
    growing.add(growing.labels, [label(1, START_MS + 5 * DAY_MS), label(51, START_MS + 5 * DAY_MS)])
    last = [FIRST + timedelta(days=number) for number in (4, 5)]
    assert "t51" in ids(update(growing, last))
    # when all days are wanted, then all are there
    assert ids(update(growing)) == ["t1", "t12", "t51"]


def test_reports_long_after_a_payment_do_not_count(growing: GrowingLake) -> None:
    growing.add(growing.labels, [label(1, START_MS + 120 * DAY_MS), label(2, START_MS + 121 * DAY_MS)])
    assert ids(update(growing)) == ["t1"]


def test_another_history_of_labels_starts_from_nothing(growing: GrowingLake) -> None:
    # given reported payments that are kept
    growing.add(growing.labels, [label(1, START_MS + DAY_MS)])
    update(growing)
    # when the lake's labels are deleted, and others are there
    growing.lake.remove("labels")
    fresh = GrowingLake(growing._settings, growing.lake)
    fresh.add(fresh.labels, [label(2, START_MS + DAY_MS)])
    # then only those are known
    found = update(growing)
    assert (ids(found), found.labels["transaction_id"].to_pylist()) == (["t2"], ["t2"])


def test_a_reported_refund_is_no_fraud(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    # given definitions with refunds, and a payment and a refund with one device, both reported
    path = tmp_path / "refunds.yaml"
    path.write_text(TEXT.replace("currency: currency}", "currency: currency, refunds: true}"))
    settings = make_settings(definitions=path)
    growing = GrowingLake(settings, open_lake(settings))
    paid = [transaction(1, START_MS), transaction(14, START_MS + 1, amount="-3.00")]
    growing.add(growing.transactions, [with_profiled_fields(one) for one in paid])
    growing.add(growing.labels, [label(number, START_MS + HOUR_MS) for number in (1, 14)])
    # when the frauds of the device are counted, at first and from what is kept
    definitions, index = settings.loaded_definitions, LakeIndex.of_transactions(growing.lake)
    make_periods(definitions, growing.lake, index, index.days)
    for _ in range(2):
        found = update_reported(definitions, growing.lake, index, index.days)
        # then the payment alone is one
        assert ids(found) == ["t1", "t14"]
        assert len(found.frauds(definitions, settings.labels)["device_id"].keys) == 1

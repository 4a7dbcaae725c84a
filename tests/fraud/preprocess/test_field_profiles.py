"""Profiles of fields for training rows: those that the whole history in memory gives."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.features.events import encode_table
from fraud.ingest.commits import committed_files, day_of
from fraud.labels.joining import join_labels
from fraud.labels.lake import read_labels
from fraud.lake import open_lake
from fraud.preprocess.field_profiles import field_histories, field_profile_inputs
from fraud.preprocess.plan import days_between
from fraud.profiles.joined import joined_profiles
from fraud.profiles.making.day_payments import payment_arrow
from fraud.profiles.moments import due_moments
from fraud.profiles.values import ProfileValues
from fraud.settings import Settings
from tests.fraud.lakes import GrowingLake
from tests.fraud.profiles.definitions import PROFILED, with_profiled_fields, write_definitions
from tests.fraud.streams import START_MS, accidental_stream, label, transaction

DELAY = timedelta(minutes=5)
DAYS = 12
Floats = npt.NDArray[np.float32]


@pytest.fixture
def growing(make_settings: Callable[..., Settings], tmp_path: Path) -> GrowingLake:
    settings = make_settings(definitions=write_definitions(tmp_path))
    return GrowingLake(settings, open_lake(settings))


def fill(growing: GrowingLake, count: int = 1_500) -> None:
    """Payments of `DAYS` days and reports on a tenth of them, some revoked."""
    stream = accidental_stream(count, DAYS)
    growing.add(growing.transactions, [with_profiled_fields(wire) for wire in stream])
    growing.add(growing.labels, [one for wire in stream for one in reports(wire)])


def reports(wire: dict[str, Any]) -> list[dict[str, Any]]:
    number = int(wire["transaction_id"][1:])
    draw, own = random.Random(number), {"card_id": wire["card_id"]}
    if draw.random() > 0.1:
        return []
    first = label(number, wire["timestamp"] + draw.randrange(2 * DAY_MS)) | own
    revoked = label(number, first["reported_at"] + DAY_MS, is_fraud=False) | own
    return [first, revoked] if draw.random() < 0.3 else [first]


def report(growing: GrowingLake, number: int, reported_at: int) -> None:
    """Ingest a label of a payment that is in the lake."""
    payment = next(one for one in payments_of(growing).to_pylist() if one["transaction_id"] == f"t{number}")
    growing.add(growing.labels, [label(number, reported_at) | {"card_id": payment["card_id"]}])


def payments_of(growing: GrowingLake) -> pa.Table:
    """The lake's payments, each once."""
    schema = payment_arrow(PROFILED)
    files = sorted(committed_files(growing.lake, "transactions"), key=lambda one: (one.partition, one.start))
    table = pa.concat_tables([growing.lake.read_rows(file.path, schema) for file in files])
    pairs = zip(table["card_id"].to_pylist(), table["transaction_id"].to_pylist(), strict=True)
    firsts = {pair: row for row, pair in reversed(list(enumerate(pairs)))}
    return table.take(pa.array(sorted(firsts.values())))


def in_memory(growing: GrowingLake, rows: pa.Table) -> Floats:
    keys = keys_of(PROFILED, rows)
    history = join_labels(rows, read_labels(growing.lake)).history
    return joined_profiles(PROFILED, keys, rows["timestamp"].to_numpy(), keys["amount"], history, DELAY)


def from_lake(growing: GrowingLake, rows: pa.Table, settings: Settings) -> Floats:
    keys, times = keys_of(PROFILED, rows), rows["timestamp"].to_numpy()
    days = day_of(int(times.min())), day_of(int(times.max()))
    histories = field_histories(growing.lake, PROFILED, *days, settings.labels)
    moments = due_moments(times, PROFILED.profile_every_ms, DELAY)
    profiles = {field: histories[field].at(keys[field], moments) for field in histories}
    return ProfileValues(PROFILED).compute(profiles, keys, moments, keys["amount"])


def keys_of(definitions: Definitions, rows: pa.Table) -> dict[str, npt.NDArray[np.int64]]:
    values = encode_table(definitions, rows).values
    names = ("amount", *definitions.profile_fields)
    return {name: values[:, definitions.field_index[name]] for name in names}


def test_the_lakes_profiles_are_those_of_the_history_in_memory(
    growing: GrowingLake, local_settings: Settings
) -> None:
    # given a lake with late and repeated payments, and reports that are revoked
    fill(growing)
    rows = payments_of(growing)
    expected = in_memory(growing, rows)
    # when we join the payments of the last days, and later of all, to what the lake keeps
    late = np.flatnonzero(rows["timestamp"].to_numpy() >= START_MS + 9 * DAY_MS)
    last = from_lake(growing, rows.take(pa.array(late)), local_settings)
    every = from_lake(growing, rows, local_settings)
    # then each has the profiles that it should
    np.testing.assert_array_equal(last, expected[late])
    np.testing.assert_array_equal(every, expected)
    assert np.nanmax(expected[:, 1]) > 1


def test_added_payments_and_reports_change_the_profiles(
    growing: GrowingLake, local_settings: Settings
) -> None:
    # given profiles that were made
    fill(growing)
    from_lake(growing, payments_of(growing), local_settings)
    # when a payment of before, its report, and a report on an older payment arrive
    added = transaction(5_001, START_MS + 11 * DAY_MS)
    growing.add(growing.transactions, [with_profiled_fields(added)])
    report(growing, 5_001, added["timestamp"] + 1)
    report(growing, 301, START_MS + 10 * DAY_MS)
    rows = payments_of(growing)
    # then they are in the profiles
    np.testing.assert_array_equal(from_lake(growing, rows, local_settings), in_memory(growing, rows))


def test_the_inputs_of_a_day_change_with_what_it_can_know(
    growing: GrowingLake, local_settings: Settings
) -> None:
    # given the inputs of every day
    fill(growing)
    first = day_of(START_MS)
    days = days_between(first, first + timedelta(days=DAYS - 1))
    before = field_profile_inputs(growing.lake, PROFILED, days, local_settings.labels)
    # when a payment of the sixth day is reported on the eighth
    report(growing, 653, START_MS + 7 * DAY_MS)
    after = field_profile_inputs(growing.lake, PROFILED, days, local_settings.labels)
    # then only days from then on depend on it, while it is in a window
    assert changed_days(before, after) == list(range(7, DAYS))


def changed_days(before: dict[date, str], after: dict[date, str]) -> list[int]:
    return [number for number, day in enumerate(before) if before[day] != after[day]]

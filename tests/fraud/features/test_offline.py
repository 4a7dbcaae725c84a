"""The kernel's offline use: whole cards in batches give what arrival order gives."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from fraud.definitions.features import DAY_MS
from fraud.features.daily import PROFILE_ARROW, day_number
from fraud.features.events import encode_table
from fraud.features.offline import ProfileBook, compute_rows, input_columns
from fraud.features.profiles import PROFILE_COLUMNS
from fraud.features.store import CardStore
from fraud.ingest.rows import TransactionRowReader
from fraud.messages.admission import AdmissionFilter
from fraud.settings import MemorySettings, Settings
from tests.definitions import V1
from tests.fraud.lakes import StoredMessage
from tests.fraud.streams import accidental_stream

FIRST = date(2023, 11, 15)
EVERY_DAY = np.arange(day_number(FIRST), day_number(FIRST) + 40)


def arranged(count: int = 400) -> pa.Table:
    """A stream with accidents, in the order of cards."""
    messages = [
        StoredMessage(wire, (0, place)) for place, wire in enumerate(accidental_stream(count, days=30))
    ]
    batch, _ = TransactionRowReader(AdmissionFilter(V1, Settings().admission)).read(messages)
    table = pa.Table.from_batches([batch]).select(list(input_columns(V1)))
    return table.sort_by([("card_id", "ascending"), ("partition", "ascending"), ("offset", "ascending")])


def book(days: int = 40) -> ProfileBook:
    """Each day knows merchant-1 alone, by values that name the day."""
    tables = {
        FIRST + timedelta(days=number): pa.table(
            [["merchant-1"], *([float(number + place)] for place in range(1, len(PROFILE_COLUMNS) + 1))],
            schema=PROFILE_ARROW,
        )
        for number in range(days)
    }
    return ProfileBook.of(tables)


def rows(table: pa.Table, batch_rows: int) -> pa.Table:
    batches = table.to_batches(max_chunksize=batch_rows)
    return pa.concat_tables(computed.rows for computed in compute_rows(V1, batches, book(), EVERY_DAY))


@pytest.mark.parametrize("batch_rows", [7, 64])
def test_batches_may_cut_a_card_anywhere(batch_rows: int) -> None:
    # given rows made from one batch
    table = arranged()
    whole = rows(table, table.num_rows)
    # when the same transactions come in small batches
    cut = rows(table, batch_rows)
    # then the rows are the same to the bit
    assert set(V1.feature_names) < set(whole.column_names)
    for name in whole.column_names:
        left, right = whole[name].to_numpy(), cut[name].to_numpy()
        assert np.array_equal(left, right, equal_nan=left.dtype == np.float32), name


def test_repeats_are_counted_and_left_out() -> None:
    # given a stream with repeats
    table = arranged()
    distinct = len(set(table["transaction_id"].to_pylist()))
    assert distinct < table.num_rows
    # when rows are made
    computed = list(compute_rows(V1, table.to_batches(max_chunksize=50), book(), EVERY_DAY))
    # then each transaction has one, and the repeats are counted
    assert sum(one.rows.num_rows for one in computed) == distinct
    assert sum(sum(one.repeats.values()) for one in computed) == table.num_rows - distinct


def test_only_the_wanted_days_have_rows() -> None:
    # given a history, of which two days are wanted
    wanted = EVERY_DAY[[3, 20]]
    found = pa.concat_tables(one.rows for one in compute_rows(V1, arranged().to_batches(), book(), wanted))
    # then the rows are of these days, and those that the full run makes of them
    days = found["timestamp"].to_numpy() // DAY_MS
    assert set(days.tolist()) == set(wanted.tolist())
    full = rows(arranged(), 1_000)
    chosen = full.filter(pa.array(np.isin(full["timestamp"].to_numpy() // DAY_MS, wanted)))
    assert found.select(["transaction_id", "offset"]).equals(chosen.select(["transaction_id", "offset"]))


def test_each_row_has_the_profile_of_its_merchant_and_day() -> None:
    # given rows
    for row in rows(arranged(), 1_000).to_pylist():
        number = row["timestamp"] // DAY_MS - day_number(FIRST)
        # then a merchant that its day knows has that day's values, another one has none
        if row["merchant_id"] == "merchant-1":
            assert row["merchant_count_1d"] == number + 1
            assert row["profile_date"] == str(FIRST + timedelta(days=number))
        else:
            assert np.isnan(row["merchant_count_1d"])
            assert row["profile_date"] is None


def test_before_a_days_profiles_are_there_a_row_has_those_of_the_day_before() -> None:
    # given profiles that are published at four in the morning
    delay = timedelta(hours=4)
    waiting = replace(book(), available_after=delay)
    found = pa.concat_tables(
        one.rows for one in compute_rows(V1, arranged().to_batches(), waiting, EVERY_DAY[1:])
    ).to_pylist()
    known = [row for row in found if row["merchant_id"] == "merchant-1"]
    early = [row for row in known if row["timestamp"] % DAY_MS < 4 * 3_600_000]
    assert 0 < len(early) < len(known)
    # then a payment at one has those of the day before, values and date, and one at noon those of its day
    for row in known:
        number = (row["timestamp"] - 4 * 3_600_000) // DAY_MS - day_number(FIRST)
        assert row["merchant_count_1d"] == number + 1
        assert row["profile_date"] == str(FIRST + timedelta(days=number))


def test_a_card_in_two_partitions_has_the_features_of_each() -> None:
    # given cards whose payments lie in two partitions, because senders place them differently
    table = arranged()
    places = pa.array((np.arange(table.num_rows) % 2).astype(np.int32))
    split = table.set_column(table.column_names.index("partition"), "partition", places)
    split = split.sort_by([("card_id", "ascending"), ("partition", "ascending"), ("offset", "ascending")])
    # when rows are made of both, and of one alone
    both = rows(split, 50)
    alone = rows(split.filter(pa.array(split["partition"].to_numpy() == 1)), 50)
    # then they are the same, as serving's are: a partition knows nothing of the other
    chosen = both.filter(pa.array(both["partition"].to_numpy() == 1))
    for name in alone.column_names:
        left, right = alone[name].to_numpy(), chosen[name].to_numpy()
        assert np.array_equal(left, right, equal_nan=left.dtype == np.float32), name


def test_rows_forget_what_serving_forgets() -> None:
    # given a stream of which serving remembers little
    memory = MemorySettings(seen_once=40, messages=120, payments_per_card=5)
    table, store = arranged(1_500), CardStore(V1, memory=memory)
    in_order = table.sort_by([("offset", "ascending")])
    served, _ = store.process(encode_table(V1, in_order), offsets=in_order["offset"].to_numpy())
    # when rows are made of whole cards
    made = pa.concat_tables(
        one.rows
        for one in compute_rows(V1, table.to_batches(max_chunksize=50), book(), EVERY_DAY, memory=memory)
    )
    # then the card's features are the same bits, and some are not those of a full memory
    by_offset = dict(zip(in_order["offset"].to_pylist(), served, strict=True))
    names = [one.name for one in V1.kernel_features if one.name in made.column_names]
    columns = [[one.name for one in V1.kernel_features].index(name) for name in names]
    of_rows = np.column_stack([made[name].to_numpy() for name in names]).astype(np.float32)
    expected = np.array([by_offset[offset][columns] for offset in made["offset"].to_pylist()])
    is_amount = np.array([name == "amount" for name in names])
    assert np.array_equal(of_rows[:, ~is_amount], expected[:, ~is_amount], equal_nan=True)
    full = rows(table, 50)
    assert not made["card_count_30d"].equals(full["card_count_30d"])

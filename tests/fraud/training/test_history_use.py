"""How much of the lake's history a training uses, and what it says of the rest."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa

from fraud.lake import open_lake
from fraud.settings import Settings
from fraud.training.history import History, LeftOutRows, load_history
from fraud.training.history_use import describe_use
from fraud.training.splits import DAY, Split, temporal_split
from tests.definitions import V1
from tests.fraud.labels.test_observation import decision
from tests.fraud.training.synthetic import tables, write_decisions, write_history

DELAY = timedelta(days=7)


def split_of(history: History) -> Split:
    return temporal_split(
        history.period, delay=DELAY, train=20 * DAY, validation=5 * DAY, test=5 * DAY, least_train=3 * DAY
    )


def test_every_row_of_the_lake_is_used_or_left_out_for_a_reason(local_settings: Settings) -> None:
    # given 60 days of which the oldest are not asked for and the newest are too young; a row that is there
    # twice, and a payment that was declined
    rows, labels = tables(days=60, per_day=40)
    frauds = set(labels["transaction_id"].to_pylist())
    ids, cards = rows["transaction_id"].to_pylist(), rows["card_id"].to_pylist()
    declined = next(number for number in range(1_200, 2_000) if ids[number] not in frauds)
    twice = pa.concat_tables([rows, rows.slice(1_500, 1)])
    lake = open_lake(local_settings)
    write_history(lake, twice, labels)
    write_decisions(lake, rows, [decision(ids[declined], card=cards[declined])])
    # when the newest 40 matured days are loaded
    history = load_history(V1, lake, longest=timedelta(days=40), delay=DELAY)
    # then each row is counted once
    left_out, times = history.left_out, rows["timestamp"].to_numpy()
    assert left_out == LeftOutRows(
        young=int((times >= history.period.end).sum()),
        old=int((times < history.period.start).sum()),
        repeated=1,
        unobserved=1,
    )
    assert min(left_out.young, left_out.old) > 200
    assert len(history.data) + left_out.rows == twice.num_rows
    known = np.isin(labels["transaction_id"], history.data.identity["transaction_id"])
    assert history.labels == int((known & (labels["reported_at"].to_numpy() <= history.moment)).sum()) > 20


def test_two_sentences_say_what_was_used_and_what_was_not(local_settings: Settings) -> None:
    # given a history with rows left out
    lake = open_lake(local_settings)
    write_history(lake, *tables(days=60, per_day=40))
    history = load_history(V1, lake, longest=timedelta(days=44), delay=DELAY)
    history = replace(history, left_out=replace(history.left_out, repeated=3, reused=12))
    periods = split_of(history)
    # when a training on it is described
    use = describe_use(history, periods, DELAY)
    # then rows, days and labels are in the one
    data, apart = history.data, history.data.between(replace(periods.test, start=periods.refit.end))
    unseen = len(apart) - len(data.between(periods.test))
    assert use.used.startswith(f"{len(data) - unseen:,} rows of 44 days, {history.period} (UTC; 20 to train")
    assert f"with {history.labels} labels known by 2024-04-29; {data.frauds} rows are fraud" in use.used
    # and each reason, with the setting that changes it, in the other
    left_out = history.left_out
    assert use.left_out.startswith(f"{left_out.rows + unseen:,} rows: ")
    for part in (
        f"{left_out.young} too young, as their labels may still arrive (FRAUD_TRAINING__LABEL_DELAY is 7 d",
        f"{unseen} of the 7 days before the test",
        f"{left_out.old} older than the days asked for (FRAUD_TRAINING__TRAIN_DAYS)",
        "3 that repeat a transaction_id",
        "12 whose transaction_id another payment has",
    ):
        assert part in use.left_out
    assert "declined" not in use.left_out


def test_a_lake_that_is_used_as_a_whole_says_so(local_settings: Settings) -> None:
    lake = open_lake(local_settings)
    write_history(lake, *tables(days=60, per_day=40))
    history = load_history(V1, lake, longest=timedelta(days=44), delay=DELAY)
    periods = split_of(history)
    whole = replace(periods, refit=replace(periods.refit, end=periods.test.start))
    use = describe_use(replace(history, left_out=LeftOutRows()), whole, DELAY)
    assert use.left_out == "nothing: every row of the lake was used"

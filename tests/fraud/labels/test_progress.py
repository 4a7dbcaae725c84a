"""Maturity follows the feed of labels, and no single label moves it."""

from datetime import timedelta

import numpy as np
import pytest

from fraud.labels.lake import read_maturity
from fraud.labels.progress import Maturity, feed_progress
from fraud.lake import Lake, open_lake
from fraud.settings import Settings
from tests.fraud.labels.reports import DAY, Row, at, label, labels_table, payment, payments_table
from tests.fraud.training.synthetic import write_labels

DELAY = timedelta(days=7)


def daily(last: int, *more: Row) -> list[Row]:
    """Four payments are reported every day until `last`."""
    return [label(f"t{day}-{number}", day + number / 4) for day in range(last) for number in range(4)] + list(
        more
    )


def progress(rows: list[Row], newest_day: float) -> float | None:
    found = feed_progress(labels_table(rows), at(newest_day))
    return None if found is None else (found - at(0)) / DAY


def test_a_feed_that_goes_on_has_come_nearly_to_the_newest_payment() -> None:
    assert progress(daily(60), 60) == pytest.approx(59.5)


def test_a_feed_that_stopped_stays_where_it_stopped() -> None:
    assert progress(daily(40), 60) == pytest.approx(39.5)


@pytest.mark.parametrize("day", [50, 61, 90, 30_000])
def test_a_single_label_ahead_of_the_others_moves_nothing(day: float) -> None:
    # given a feed that stopped, and one label from the future, delivered three times
    assert progress(daily(40, *([label("x", day)] * 3)), 60) == pytest.approx(39.6, abs=0.2)


def test_many_labels_far_beyond_the_newest_payment_move_nothing() -> None:
    ahead = [label(f"x{number}", 4_000 + number / 10) for number in range(50)]
    assert progress(daily(40, *ahead), 60) == pytest.approx(39.5)


def test_labels_that_follow_payments_which_have_stopped_count() -> None:
    # given no payment after day 60, whose labels still come
    assert progress(daily(75), 60) == pytest.approx(74.5)


def test_kafkas_time_bounds_what_a_label_says_of_itself() -> None:
    # given labels whose clock is twelve days ahead of the broker's
    rows = daily(40)
    table = labels_table(rows)
    arrived = table["reported_at"].to_numpy() - 12 * DAY
    table = table.append_column("kafka_timestamp", [arrived])
    assert feed_progress(table, at(60)) == at(39.5 - 12)


def test_no_label_at_all_has_a_sentence_of_its_own() -> None:
    maturity = Maturity(at(60), feed_progress(labels_table([]), at(60)), DELAY)
    assert maturity.cutoff is None
    assert not maturity.matured(np.array([at(0)])).any()
    assert "there are no labels at all" in str(maturity.warning())


def test_a_feed_that_stopped_is_said_with_its_dates() -> None:
    maturity = Maturity(at(60), at(40), DELAY)
    assert maturity.matured(np.array([at(33), at(33) + 1])).tolist() == [True, False]
    assert maturity.known_until == at(40)
    sentence = str(maturity.warning())
    for words in ("2023-12-25", "20 days behind", "2023-12-18", "topic is fed"):
        assert words in sentence
    assert Maturity(at(60), at(59.9), DELAY).warning() is None


@pytest.fixture
def lake(local_settings: Settings) -> Lake:
    return open_lake(local_settings)


@pytest.mark.parametrize("last", [3, 40])
def test_the_lakes_newest_labels_say_how_far_the_feed_has_come(lake: Lake, last: int) -> None:
    # given a lake with labels by day and one of the year 2100
    rows = daily(last, label("x", 30_000))
    write_labels(lake, labels_table(rows), payments_table([payment("x")]))
    # then it is what all labels together say
    found = read_maturity(lake, at(60), DELAY)
    assert found.progress == feed_progress(labels_table(rows), at(60))


def test_an_empty_lake_has_no_progress(lake: Lake) -> None:
    assert read_maturity(lake, at(60), DELAY).progress is None

"""What the demo counts as caught, missed and falsely flagged, and how it says so."""

import io
import math
from dataclasses import replace

import pyarrow as pa
import pytest

from deployments.demo.outcomes import LiveOutcomes, count_outcomes, read_live_truth
from deployments.demo.result import DemoResult
from deployments.demo.screen import Screen
from fraud.decisions.outcomes import Outcome
from fraud.lake import open_lake
from fraud.machine.console import Console
from fraud.schema import Prediction
from tests.conftest import SettingsFactory
from tests.deployments.demo.test_demo import prediction

TRUTH = pa.table(
    {
        "transaction_id": ["a", "b", "c", "d", "e"],
        "is_fraud": [True, True, True, False, False],
        "fraud_type": ["card_testing", "card_testing", "account_takeover", None, None],
        "sent_at": [1, 2, 3, 4, 5],
    }
)


def answers(**decisions: Outcome) -> list[Prediction]:
    return [prediction(name, decision) for name, decision in decisions.items()]


def test_each_live_payment_is_caught_missed_flagged_or_let_through() -> None:
    # given two frauds that were flagged, one that was approved, and a genuine payment that was flagged
    given = answers(a="review", b="approve", c="decline", d="review", e="approve")
    # when
    live = count_outcomes(TRUTH, given)
    # then
    assert (live.payments, live.frauds, live.caught, live.missed, live.falsely_flagged) == (5, 3, 2, 1, 1)
    assert live.precision == pytest.approx(2 / 3)
    assert live.recall == pytest.approx(2 / 3)
    assert {kind: (one.caught, one.frauds) for kind, one in live.by_kind.items()} == {
        "account_takeover": (1, 1),
        "card_testing": (1, 2),
    }


def test_predictions_of_the_history_do_not_count() -> None:
    assert count_outcomes(TRUTH, answers(before="review", d="approve")).payments == 1


@pytest.mark.parametrize("truth", [None, TRUTH.slice(3)])
def test_without_live_frauds_there_are_no_shares(truth: pa.Table | None) -> None:
    live = count_outcomes(truth, answers(d="approve"))

    assert live.frauds == 0
    assert math.isnan(live.recall)
    assert math.isnan(live.precision)
    assert math.isnan(live.average_precision)


def test_the_live_truth_is_that_with_the_moment_of_sending(make_settings: SettingsFactory) -> None:
    # given the truth of a history beside that of live payments
    lake = open_lake(make_settings())
    lake.write_table(TRUTH.drop_columns(["sent_at"]), "truth/date=2026-01-01/history.parquet")
    assert read_live_truth(lake) is None
    lake.write_table(TRUTH.slice(0, 2), "truth/date=2026-01-01/live-1.parquet")
    # when
    truth = read_live_truth(lake)
    # then
    assert truth is not None
    assert truth["transaction_id"].to_pylist() == ["a", "b"]


def _printed(live: LiveOutcomes, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    result = DemoResult(
        transactions=5, distinct=5, predictions=5, lost=0, doubled=0, dead_letters=0, by_version={"1": 5},
        live=live, latency_p50=9.0, latency_p99=20.0, models=[],
    )  # fmt: skip
    Screen(console).result(result)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_ending_says_what_was_caught_missed_and_falsely_flagged() -> None:
    # given
    live = count_outcomes(TRUTH, answers(a="review", b="approve", c="decline", d="review", e="approve"))
    # when
    text = " ".join(_printed(live).split())
    # then
    assert "2 of 3 frauds caught (67%), 1 missed; 1 of 2 genuine payments falsely flagged (50.00%)" in text
    assert "card testing 2 1 1" in text
    assert "all 3 2 1" in text


def test_the_ending_fits_eighty_columns() -> None:
    live = replace(count_outcomes(TRUTH, answers(a="review")), payments=1_234_567, falsely_flagged=12_345)

    assert max(map(len, _printed(live).splitlines())) <= 80

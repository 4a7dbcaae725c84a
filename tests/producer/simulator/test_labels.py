"""Labels come late, some never, some wrong, in the shares that the scenario states."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from producer.scenario import SimulationScenario
from producer.simulator.draws import DAY_MS, HOUR_MS, Bools, Floats, Ints
from producer.simulator.labels import SOURCES, SimulatedReports, simulate_reports

COUNT = 200_000


@pytest.fixture(scope="module")
def day() -> tuple[Bools, Ints, Floats]:
    random = np.random.default_rng(3)
    return random.random(COUNT) < 0.05, random.integers(0, DAY_MS, COUNT), random.exponential(50.0, COUNT)


def _reports(
    scenario: SimulationScenario, day: tuple[Bools, Ints, Floats], reviews: float = 0.0
) -> SimulatedReports:
    analysts = scenario.analysts.model_copy(update={"reviews": reviews})
    quiet = scenario.model_copy(update={"analysts": analysts})
    return simulate_reports(quiet, np.random.default_rng(5), *day)


def test_the_stated_share_is_never_reported(
    scenario: SimulationScenario, day: tuple[Bools, Ints, Floats]
) -> None:
    reports, fraud = _reports(scenario, day), day[0]

    reported = np.isin(np.flatnonzero(fraud), reports.row[reports.is_fraud])

    assert 1 - reported.mean() == pytest.approx(scenario.labels.never, abs=0.01)


def test_delays_have_the_stated_median_and_a_tail_of_weeks(
    scenario: SimulationScenario, day: tuple[Bools, Ints, Floats]
) -> None:
    reports, (fraud, time, _) = _reports(scenario, day), day
    claims = fraud[reports.row]

    delays = (reports.reported_at - time[reports.row])[claims] / DAY_MS

    assert (delays > 0).all()
    assert np.median(delays) == pytest.approx(scenario.labels.median_days, rel=0.05)
    assert np.quantile(delays, 0.95) > 14


def test_the_stated_share_is_wrong_and_half_of_it_corrected_later(
    scenario: SimulationScenario, day: tuple[Bools, Ints, Floats]
) -> None:
    reports, fraud = _reports(scenario, day), day[0]
    wrong = reports.is_fraud & ~fraud[reports.row]
    corrections = ~reports.is_fraud

    assert wrong.sum() / reports.is_fraud.sum() == pytest.approx(scenario.labels.wrong, abs=0.006)
    assert corrections.sum() / wrong.sum() == pytest.approx(scenario.labels.corrected, abs=0.12)
    disputed = dict(zip(reports.row[wrong], reports.reported_at[wrong], strict=True))
    for row, time in zip(reports.row[corrections], reports.reported_at[corrections], strict=True):
        assert time > disputed[row]


def test_analysts_answer_within_hours_and_are_mostly_right(
    scenario: SimulationScenario, day: tuple[Bools, Ints, Floats]
) -> None:
    reports, (fraud, time, _) = _reports(scenario, day, reviews=200.0), day
    corrected = ~reports.is_fraud & (reports.reported_at - time[reports.row] > 15 * DAY_MS)
    reviewed = (SOURCES[reports.source] == "analyst") & ~corrected

    hours = (reports.reported_at - time[reports.row])[reviewed] / HOUR_MS

    assert reviewed.sum() == pytest.approx(200 * COUNT / 10_000, rel=0.1)
    assert np.median(hours) == pytest.approx(scenario.analysts.median_hours, rel=0.1)
    right = (reports.is_fraud == fraud[reports.row])[reviewed]
    assert right.mean() == pytest.approx(scenario.analysts.accuracy, abs=0.02)


def test_labels_name_transactions_of_their_day_in_order_of_report(
    labels: pa.Table, transactions: pa.Table
) -> None:
    known = pc.is_in(labels["transaction_id"], value_set=transactions["transaction_id"].combine_chunks())

    assert pc.all(known).as_py()
    assert set(labels["source"].to_pylist()) == {"chargeback", "customer", "analyst"}


def test_no_label_without_transactions(scenario: SimulationScenario) -> None:
    nothing = (np.empty(0, np.bool_), np.empty(0, np.int64), np.empty(0, np.float64))

    assert len(_reports(scenario, nothing, reviews=10.0).row) == 0

"""Merchants open and close: nobody pays at one that is closed, and new ones draw customers over time."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from producer.scenario import MerchantTurnover, SimulationScenario
from producer.simulator import DayOfTraffic, Simulator
from producer.simulator.cardholders import midnight_ms
from producer.simulator.draws import DAY_MS, Ints
from producer.simulator.turnover import Turnover
from tests.producer.conftest import SEED, START

DAYS = 50
SETTINGS = MerchantTurnover(median_days=150, spread=0.8, vacant_days=15, known_after_days=15)
FIRST = midnight_ms(START) // DAY_MS


@pytest.fixture(scope="module")
def changing(scenario: SimulationScenario) -> Simulator:
    return Simulator(scenario.model_copy(update={"turnover": SETTINGS}), SEED, START)


@pytest.fixture(scope="module")
def days(changing: Simulator) -> list[DayOfTraffic]:
    return [changing.day(START + timedelta(days=number)) for number in range(DAYS)]


@pytest.fixture(scope="module")
def payments(days: list[DayOfTraffic]) -> pa.Table:
    return pa.concat_tables([day.transactions for day in days])


def _turnover(simulator: Simulator) -> Turnover:
    assert simulator.turnover is not None
    return simulator.turnover


def _parts(merchants: pa.ChunkedArray) -> tuple[Ints, Ints]:
    """The place and the number of the one who has it, of each `merchant-PLACE-NUMBER`."""
    parts = np.array([one.split("-")[1:] for one in merchants.to_pylist()]).astype(np.int64)
    return parts[:, 0], parts[:, 1]


def test_nobody_pays_at_a_merchant_before_it_opened_or_after_it_closed(
    changing: Simulator, payments: pa.Table
) -> None:
    # given when each merchant was there
    turnover, (place, number) = _turnover(changing), _parts(payments["merchant_id"])
    opened = number * turnover.cycle_days[place] - turnover.phase[place]
    closed = opened + turnover.open_days[place]
    # when
    day = payments["timestamp"].to_numpy() // DAY_MS
    # then
    assert (opened <= day).all()
    assert (day < closed).all()
    # and some of them did open, or close, in these days
    assert (opened > FIRST).mean() > 0.01
    assert (closed < FIRST + DAYS).mean() > 0.05


def test_a_merchant_that_follows_another_has_an_identifier_of_its_own(payments: pa.Table) -> None:
    place, number = _parts(payments["merchant_id"])
    # a place that two merchants had
    reopened = [one for one in np.unique(place) if len(np.unique(number[place == one])) > 1]

    assert reopened
    assert all(len(np.unique(number[place == one])) == 2 for one in reopened)


def test_a_new_merchant_draws_its_customers_over_time(changing: Simulator, payments: pa.Table) -> None:
    # given the merchants that opened in the first ten days and stay
    turnover, (place, number) = _turnover(changing), _parts(payments["merchant_id"])
    age = payments["timestamp"].to_numpy() // DAY_MS - (
        number * turnover.cycle_days[place] - turnover.phase[place]
    )
    places = np.arange(len(changing.world.merchants))
    opened = turnover.ages(places, FIRST + 10)
    new = places[(opened >= 0) & (opened < 10) & (turnover.ages(places, FIRST + DAYS) > 0)]
    of_new = age[np.isin(place, new)]
    # when
    early, late = ((of_new >= first) & (of_new < first + 10) for first in (0, 30))
    # then
    assert len(new) > 10
    assert 0 < early.sum() < 0.7 * late.sum()


def test_card_holders_pay_elsewhere_rather_than_less(
    changing: Simulator, simulator: Simulator, days: list[DayOfTraffic], traffic: list[DayOfTraffic]
) -> None:
    paid = sum(len(changing.legitimate(day.day)) for day in traffic)

    assert paid == pytest.approx(sum(len(simulator.legitimate(day.day)) for day in traffic), rel=0.02)


def test_every_shelf_has_a_merchant_that_never_closes(changing: Simulator) -> None:
    # given
    turnover, merchants = _turnover(changing), changing.world.merchants
    # when
    ages = np.stack([turnover.ages(turnover.chain, FIRST + 1_000 * years) for years in range(-5, 6)])
    # then
    assert (ages >= 0).all()
    assert (merchants.online[turnover.chain] == merchants.online).all()
    at_shops = ~merchants.online
    assert (merchants.place[turnover.chain] == merchants.place)[at_shops].all()


def test_a_subscription_and_a_game_stay_with_their_merchant_while_it_is_open(changing: Simulator) -> None:
    # given two days in a row
    first, second = (changing.world_on(START + timedelta(days=number)) for number in (0, 1))
    # when
    changed = first.subscriptions[0].merchant != second.subscriptions[0].merchant
    # then
    assert changed.mean() < 0.03
    assert (first.games != second.games).mean() < 0.1
    assert len(first.games) == len(second.games) > len(first.resaleable)
    assert second.is_open[second.subscriptions[0].merchant].all()


def test_openings_follow_from_the_date_whenever_the_history_starts(changing: Simulator) -> None:
    # given the same world, with a history that starts later
    day = START + timedelta(days=20)
    later = Simulator(changing.world.scenario, SEED, day)
    # when, then
    assert later.day(day).transactions.equals(changing.day(day).transactions)
    assert (
        not Simulator(changing.world.scenario, SEED + 1, day)
        .day(day)
        .transactions.equals(changing.day(day).transactions)
    )


def test_planned_payments_at_a_closed_merchant_go_to_one_that_is_open(changing: Simulator) -> None:
    # given payments at every merchant, on a day long after
    turnover, day = _turnover(changing), date(2030, 1, 1)
    payments = changing.legitimate(START)
    moved = type(payments)(
        payments.card,
        payments.merchant,
        payments.time - midnight_ms(START) + midnight_ms(day),
        payments.amount,
    )
    closed = turnover.ages(moved.merchant, moved.time // DAY_MS) < 0
    # when
    reopened = turnover.reopened(moved)
    # then
    assert closed.any()
    assert (turnover.ages(reopened.merchant, reopened.time // DAY_MS) >= 0).all()
    assert (reopened.merchant == moved.merchant)[~closed].all()

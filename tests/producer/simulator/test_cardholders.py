"""Habits of legitimate life, seen in what is paid."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from producer.simulator import Simulator
from producer.simulator.cardholders import travellers
from producer.simulator.draws import DAY_MS, HOUR_MS
from tests.producer.conftest import DAYS, START


@pytest.fixture(scope="module")
def legitimate(transactions: pa.Table, truth: pa.Table) -> pa.Table:
    return transactions.filter(pc.invert(truth["is_fraud"]))


def test_cards_pay_as_often_as_the_scenario_says(simulator: Simulator, legitimate: pa.Table) -> None:
    life, cards = simulator.world.scenario.life, len(simulator.world.cards)
    extras = (
        life.sprees_per_month * 10 + life.games_per_month * 9 + life.tickets_per_month * 3
    ) / 30 + life.subscriptions / 14

    mean = legitimate.num_rows / cards / DAYS

    assert mean == pytest.approx(life.payments_per_day + extras, rel=0.2)


def test_people_sleep_at_night(simulator: Simulator, legitimate: pa.Table) -> None:
    offsets = {place.country: place.utc_offset for place in simulator.world.scenario.places}
    at_shops = legitimate.filter(pc.equal(legitimate["channel"], "pos"))
    offset = np.array([offsets[country] for country in at_shops["country"].to_pylist()])

    hours = (at_shops["timestamp"].to_numpy() + offset * HOUR_MS) // HOUR_MS % 24

    assert (hours < 6).mean() < 0.1
    assert ((hours >= 10) & (hours < 21)).mean() > 0.65


def test_salaries_are_spent_when_they_come(simulator: Simulator, legitimate: pa.Table) -> None:
    """Cards paid on the 15th are more active from then on than in the week before."""
    people = set(np.flatnonzero(simulator.world.cards.salary_day == 15))
    person = np.array([int(card.split("-")[1]) for card in legitimate["card_id"].to_pylist()])
    days = np.array(
        [datetime.fromtimestamp(time / 1_000, UTC).day for time in legitimate["timestamp"].to_pylist()]
    )
    own = np.isin(person, list(people))

    after = (own & np.isin(days, [15, 16, 17, 18])).sum()
    before = (own & np.isin(days, [8, 9, 10, 11])).sum()

    assert after > 1.1 * before


def test_amounts_are_a_card_s_own(legitimate: pa.Table) -> None:
    """Amounts of one card resemble one another more than those of different cards."""
    euros = legitimate.filter(pc.equal(legitimate["currency"], "EUR"))
    cards = euros["card_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    logs = np.log(euros["amount"].to_numpy())
    counts = np.bincount(cards)
    means = np.bincount(cards, logs) / counts

    between = means[counts >= 15].std()

    assert between > 1.5 * logs.std() / np.sqrt(15)


def test_most_payments_go_to_merchants_the_card_knows(legitimate: pa.Table) -> None:
    pairs = legitimate.group_by(["card_id", "merchant_id"]).aggregate([("amount", "count")])

    repeated = pc.sum(pc.subtract(pairs["amount_count"], 1)).as_py() / legitimate.num_rows

    assert 0.35 < repeated < 0.8


def test_travellers_pay_abroad_for_days_and_come_home(simulator: Simulator) -> None:
    scenario, world = simulator.world.scenario, simulator.world
    away = np.stack([travellers(world, scenario, START + timedelta(days=day)) >= 0 for day in range(DAYS)])

    days_away = away.sum(axis=0)

    assert (days_away > 0).mean() == pytest.approx(scenario.life.trips_per_month, rel=0.4)
    assert np.median(days_away[days_away > 0]) >= 2
    assert (days_away < DAYS).all()


def test_subscriptions_are_due_every_two_weeks_with_the_same_amount(simulator: Simulator) -> None:
    payments, due = simulator.world.subscriptions

    cents = np.round(payments.amount * 100).astype(int) % 100

    assert (cents == 99).all()
    assert set(due) == set(range(14))
    assert payments.time.max() < DAY_MS

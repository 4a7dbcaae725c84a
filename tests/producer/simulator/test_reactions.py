"""Thieves react: what is tried after a decline is not what was tried before it."""

from datetime import date, timedelta

import numpy as np
import pytest

from producer.scenario import ThiefReactions
from producer.simulator import Simulator
from producer.simulator.cardholders import midnight_ms
from producer.simulator.draws import HOUR_MS, MINUTE_MS, Bools, Payments
from producer.simulator.reactions import STAYING, react, way_of_working
from tests.producer.conftest import START

SETTINGS = ThiefReactions(
    declined_above=6.0,
    declined_per_hour=5,
    lowered=0.5,
    pause_hours=3.0,
    gives_up=4,
    way_days=7,
    way_spread=0.0,
)


def _planned(simulator: Simulator, card: int, times: float, count: int, gap: int = HOUR_MS) -> Payments:
    """Payments of a thief at one online merchant, of so many times the usual amount."""
    cards = np.full(count, card)
    merchants = np.full(count, simulator.world.resaleable[0])
    amounts = times * simulator.world.usual_amount(cards, merchants)
    return Payments(cards, merchants, midnight_ms(START) + gap * np.arange(count), amounts)


def _react(
    simulator: Simulator, payments: Payments, kind: str = "account_takeover", take: int = 0
) -> tuple[Payments, Bools]:
    return react(simulator.world, SETTINGS, kind, START, payments, take)


def test_after_a_decline_the_next_try_is_lower_later_and_elsewhere(simulator: Simulator) -> None:
    # given a thief whose payments are ten times the usual
    planned = _planned(simulator, card=3, times=10.0, count=3)
    # when the first is declined
    tries, declined = _react(simulator, planned)
    # then
    assert declined.tolist()[0] is True
    assert tries.amount[0] == planned.amount[0]
    assert tries.amount[1] == planned.amount[1] / 2
    assert tries.merchant[1] != tries.merchant[0]
    assert tries.time[1] > planned.time[1]
    assert np.diff(tries.time).min() >= HOUR_MS


def test_what_is_not_declined_changes_nothing(simulator: Simulator) -> None:
    # given
    planned = _planned(simulator, card=3, times=2.0, count=8)
    # when
    tries, declined = _react(simulator, planned)
    # then
    assert not declined.any()
    for column in ("card", "merchant", "time", "amount"):
        assert (getattr(tries, column) == getattr(planned, column)).all()


def test_many_payments_within_the_hour_are_declined_and_the_thief_waits(simulator: Simulator) -> None:
    # given more payments in a row than the issuer's rule allows
    planned = _planned(simulator, card=3, times=1.0, count=9, gap=MINUTE_MS)
    # when
    tries, declined = _react(simulator, planned)
    # then the sixth is declined, of usual amount as it is, and the seventh comes later
    assert declined.tolist()[:6] == [False] * 5 + [True]
    assert tries.time[6] - tries.time[5] > MINUTE_MS
    assert tries.amount[6] == planned.amount[6]


def test_a_thief_gives_a_card_up_after_so_many_declines(simulator: Simulator) -> None:
    # given two thieves, one of whom is declined whatever the amount
    bold, quiet = _planned(simulator, 3, times=10_000.0, count=9), _planned(simulator, 4, times=1.0, count=9)
    # when
    tries, declined = _react(simulator, Payments.concat([bold, quiet]))
    # then
    assert declined.sum() == (tries.card == 3).sum() == SETTINGS.gives_up
    assert (tries.card == 4).sum() == 9


def test_a_colluding_merchant_charges_less_after_a_decline_and_stays_where_it_is(
    simulator: Simulator,
) -> None:
    # given the cards of a merchant, each charged once
    planned = _planned(simulator, card=0, times=10.0, count=3)
    cards = np.array([5, 6, 7])
    amounts = 10.0 * simulator.world.usual_amount(cards, planned.merchant)
    planned = Payments(cards, planned.merchant, planned.time, amounts)
    # when
    tries, declined = _react(simulator, planned, STAYING)
    # then
    assert declined.tolist() == [True, False, False]
    assert (tries.merchant == planned.merchant).all()
    assert (tries.amount / planned.amount).tolist() == [1.0, 0.5, 0.5]


def test_reactions_are_the_seed_s(simulator: Simulator) -> None:
    # given
    planned = _planned(simulator, card=3, times=10.0, count=9)
    # when
    first, again, other = (_react(simulator, planned, take=take)[0] for take in (0, 0, 1))
    # then
    assert first.time.tolist() == again.time.tolist()
    assert first.merchant.tolist() == again.merchant.tolist()
    assert first.time.tolist() != other.time.tolist()


@pytest.mark.parametrize("kind", ["card_testing", "account_takeover", STAYING])
def test_a_way_of_working_lasts_for_days_and_is_followed_by_another(kind: str) -> None:
    # given
    settings = SETTINGS.model_copy(update={"way_spread": 0.4})
    days = [START + timedelta(days=number) for number in range(70)]
    # when
    ways = [way_of_working(11, settings, kind, day) for day in days]
    # then
    assert len(set(ways)) in (10, 11)
    assert all(ways[n] == ways[n + 1] for n in range(69) if days[n + 1].toordinal() % 7)
    assert np.std(np.log(ways)) > 0.1


def test_campaigns_of_a_scenario_follow_the_way_of_their_days(simulator: Simulator) -> None:
    # given the same campaigns, with and without thieves that react, where nothing is declined
    lenient = SETTINGS.model_copy(
        update={"declined_above": 1e9, "declined_per_hour": 1_000, "way_spread": 0.4}
    )
    world = simulator.world
    changed = Simulator(world.scenario.model_copy(update={"thieves": lenient}), world.seed, START)
    day = date(2026, 3, 4)
    # when
    before, after = (one.campaigns_started_on(day) for one in (simulator, changed))
    # then
    amounts, _ = way_of_working(world.seed, lenient, "account_takeover", day)
    sums = [payments.amount[campaign == 1].sum() for payments, campaign in (before, after)]
    assert sums[1] == pytest.approx(amounts * sums[0])
    assert amounts != 1.0

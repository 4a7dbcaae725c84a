"""Each campaign does what its name says."""

from datetime import timedelta

import numpy as np
import pytest

from producer.simulator import Simulator
from producer.simulator.campaigns import CAMPAIGNS, LONGEST_DAYS
from producer.simulator.cardholders import midnight_ms
from producer.simulator.draws import DAY_MS, HOUR_MS, MINUTE_MS, Payments
from tests.producer.conftest import START


def _all(simulator: Simulator, name: str, days: int = 40) -> Payments:
    """The payments of the campaigns of `days` days, cards made unlike between days."""
    (campaign,) = [one for one in CAMPAIGNS if one.name == name]
    world = simulator.world
    parts = [
        campaign.started_on(world, world.scenario, START + timedelta(days=day), 0) for day in range(days)
    ]
    return Payments.concat(parts)


def test_card_testing_tries_many_cards_with_tiny_payments_at_few_shops(simulator: Simulator) -> None:
    campaign = CAMPAIGNS[0].started_on
    days = (
        campaign(simulator.world, simulator.world.scenario, START + timedelta(days=d), 0) for d in range(90)
    )
    (payments,) = [one for one in days if len(one)][:1]
    tests = payments.select(payments.amount < 6)
    shop, count = np.unique(tests.merchant, return_counts=True)

    assert simulator.world.merchants.online[payments.merchant].all()
    assert len(np.unique(tests.card[tests.merchant == shop[count.argmax()]])) >= 6
    assert len(shop) <= 15
    assert np.median(tests.amount) < 3


def test_after_card_testing_some_cards_are_used_for_more(simulator: Simulator) -> None:
    payments = _all(simulator, "card_testing", days=90)

    large = payments.amount > 20

    assert 0.1 < len(np.unique(payments.card[large])) / len(np.unique(payments.card)) < 0.7


def test_account_takeover_shops_online_above_the_owner_s_level(simulator: Simulator) -> None:
    payments = _all(simulator, "account_takeover")
    usual = simulator.world.usual_amount(payments.card, payments.merchant)

    assert simulator.world.merchants.online[payments.merchant].all()
    assert 1.5 < np.median(payments.amount / usual) < 6
    assert (payments.amount < usual).mean() > 0.01


def test_merchant_collusion_charges_many_cards_at_one_merchant_for_days(simulator: Simulator) -> None:
    payments = _all(simulator, "merchant_collusion", days=90)
    first = payments.select(payments.merchant == payments.merchant[0])

    assert len(np.unique(first.card)) > 0.9 * len(first)
    assert first.time.max() - first.time.min() > DAY_MS
    assert len(np.unique(payments.merchant)) < 0.1 * len(payments)


def test_geographic_anomaly_pays_in_shops_of_another_country(simulator: Simulator) -> None:
    payments = _all(simulator, "geographic_anomaly")
    world = simulator.world
    home = world.country[world.cards.place[payments.card]]
    there = world.country[world.merchants.place[payments.merchant]]

    assert not world.merchants.online[payments.merchant].any()
    assert (home != there).all()


def test_no_campaign_pays_before_it_begins_and_hardly_any_lasts_too_long(simulator: Simulator) -> None:
    for day in (START + timedelta(days=number) for number in range(30)):
        begun, _ = simulator.campaigns_started_on(day)
        late = begun.time >= midnight_ms(day) + LONGEST_DAYS * DAY_MS
        assert (begun.time >= midnight_ms(day)).all()
        assert late.sum() <= 0.1 * len(late)


def test_the_share_of_quiet_frauds_is_the_scenario_s(simulator: Simulator) -> None:
    """Quiet take-overs lie around the usual amount, the others around `boldness` times it."""
    campaign = simulator.world.scenario.campaigns.account_takeover
    payments = _all(simulator, "account_takeover", days=120)
    usual = simulator.world.usual_amount(payments.card, payments.merchant)

    expected = campaign.quiet * np.log(1.0) + (1 - campaign.quiet) * np.log(campaign.boldness)

    assert np.log(payments.amount / usual).mean() == pytest.approx(expected, abs=0.15)


def test_card_tests_follow_one_another_within_minutes(simulator: Simulator) -> None:
    payments = _all(simulator, "card_testing", days=90)
    tests = payments.select(payments.amount < 6)
    order = np.lexsort((tests.time, tests.card))
    gaps = np.diff(tests.time[order])[np.diff(tests.card[order]) == 0]

    assert np.median(gaps) < 10 * MINUTE_MS
    assert (gaps < HOUR_MS).mean() > 0.8

"""The demo's scenario: enough attacks to learn from, no more fraud than cards meet, the same on any day."""

from datetime import date, timedelta

import numpy as np
import pytest

from producer.scenario import load_scenario
from producer.simulator import Simulator
from producer.simulator.campaigns import CAMPAIGN_NAMES


@pytest.mark.parametrize("start", [date(2026, 1, 5), date(2026, 9, 7)])
def test_its_history_has_attacks_on_many_cards_and_little_fraud(start: date) -> None:
    # given the demo's history
    scenario = load_scenario("demo")
    simulator = Simulator(scenario, 7, start)
    # when its attacks are drawn, day by day
    drawn = [simulator.campaigns_started_on(start + timedelta(days=day)) for day in range(scenario.days)]
    cards = np.concatenate([payments.card for payments, _ in drawn])
    kinds = CAMPAIGN_NAMES[np.concatenate([kind for _, kind in drawn])]
    # then each kind that hits single cards has hit many, and few payments in a thousand are fraud
    hit = {kind: len(np.unique(cards[kinds == kind])) for kind in np.unique(kinds)}
    assert min(hit[kind] for kind in ("account_takeover", "geographic_anomaly", "card_testing")) >= 50
    a_day = len(simulator.legitimate(start))
    assert 0.002 < len(cards) / (a_day * scenario.days) < 0.006


def test_its_days_differ_by_no_season() -> None:
    assert load_scenario("demo").seasons == ()

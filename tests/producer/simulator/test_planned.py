"""Planned attacks: each kind happens, when it is planned, and nothing else changes."""

from datetime import date

import numpy as np
import pytest

from producer.scenario import load_scenario
from producer.simulator import Simulator
from producer.simulator.campaigns import CAMPAIGN_NAMES
from producer.simulator.cardholders import midnight_ms
from producer.simulator.draws import DAY_MS, HOUR_MS
from producer.simulator.planned import PLANNED, planned_attacks

DAY = date(2026, 3, 5)
FIRST, END = midnight_ms(DAY) + 6 * HOUR_MS, midnight_ms(DAY) + 18 * HOUR_MS


def _simulator(seed: int) -> Simulator:
    return Simulator(load_scenario("small", cards=400, merchants=200), seed, DAY)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("each", [1, 3])
def test_each_kind_starts_within_the_stretch(seed: int, each: int) -> None:
    # when
    payments, kinds = planned_attacks(
        _simulator(seed).world, _simulator(seed).scenario_on(DAY), FIRST, END, each
    )
    # then
    assert set(CAMPAIGN_NAMES[kinds]) == set(PLANNED)
    starts = np.array([payments.time[kinds == kind].min() for kind in np.unique(kinds)])
    assert (starts >= FIRST).all()
    assert (starts < END).all()
    assert np.unique(payments.card).size >= 3 * each


def test_planned_frauds_are_added_to_the_day() -> None:
    # given
    plain, planned = _simulator(4), _simulator(4)
    attacks = planned_attacks(planned.world, planned.scenario_on(DAY), FIRST, END, 1)
    # when
    planned.plan(*attacks)
    # then
    before, after = plain.day(DAY), planned.day(DAY)
    today = int((attacks[0].time // DAY_MS == midnight_ms(DAY) // DAY_MS).sum())
    added = sum(after.truth["is_fraud"].to_pylist()) - sum(before.truth["is_fraud"].to_pylist())
    assert added == today > 0
    assert after.transactions.num_rows == before.transactions.num_rows + today


def test_nothing_is_planned_where_nothing_is_asked_for() -> None:
    payments, kinds = planned_attacks(_simulator(1).world, _simulator(1).scenario_on(DAY), FIRST, END, 0)

    assert len(payments) == len(kinds) == 0

"""The pace of a world: what its cards' habits say is what is simulated."""

from datetime import date, timedelta

import pytest

from producer.scenario import load_scenario
from producer.simulator import Simulator
from producer.simulator.pace import payments_per_day, payments_per_second


@pytest.mark.parametrize("start", [date(2026, 3, 2), date(2026, 7, 6), date(2026, 11, 23)])
@pytest.mark.parametrize("name", ["small", "default", "v2/small"])
def test_the_mean_rate_is_the_sum_of_the_cards_habits(name: str, start: date) -> None:
    # given two weeks, with weekends and paydays, in and out of the seasons
    simulator = Simulator(load_scenario(name, cards=2_000, merchants=600), 11, start)
    days = [start + timedelta(days=number) for number in range(14)]
    # when
    expected = sum(payments_per_day(simulator.world, simulator.scenario_on(day), day) for day in days)
    # then
    assert sum(len(simulator.legitimate(day)) for day in days) == pytest.approx(expected, rel=0.03)


def test_a_change_of_habits_changes_the_pace() -> None:
    # given a scenario whose cards pay a quarter more from the 45th day on
    start = date(2026, 3, 2)
    simulator = Simulator(load_scenario("drift", cards=500), 3, start)
    # when
    before, after = (
        payments_per_second(simulator.world, simulator.scenario_on(start + timedelta(days=days)), start)
        for days in (0, 45)
    )
    # then
    assert 1.1 < after / before < 1.25

"""A small world whose days are made once."""

from datetime import date, timedelta

import pyarrow as pa
import pytest

from producer.scenario import SimulationScenario, load_scenario
from producer.simulator import DayOfTraffic, Simulator

START = date(2026, 3, 2)
DAYS = 30
SEED = 11


@pytest.fixture(scope="session")
def scenario() -> SimulationScenario:
    return load_scenario("small", cards=4_000, merchants=800)


@pytest.fixture(scope="session")
def simulator(scenario: SimulationScenario) -> Simulator:
    return Simulator(scenario, SEED, START)


@pytest.fixture(scope="session")
def traffic(simulator: Simulator) -> list[DayOfTraffic]:
    return [simulator.day(START + timedelta(days=number)) for number in range(DAYS)]


@pytest.fixture(scope="session")
def transactions(traffic: list[DayOfTraffic]) -> pa.Table:
    return pa.concat_tables([day.transactions for day in traffic])


@pytest.fixture(scope="session")
def truth(traffic: list[DayOfTraffic]) -> pa.Table:
    return pa.concat_tables([day.truth for day in traffic])


@pytest.fixture(scope="session")
def labels(traffic: list[DayOfTraffic]) -> pa.Table:
    return pa.concat_tables([day.labels for day in traffic])

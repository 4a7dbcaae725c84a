"""What the frozen scenarios make, bit for bit: figures that were measured on them can be measured again."""

import hashlib
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

import producer
from producer.scenario import load_scenario, scenario_names
from producer.simulator import DayOfTraffic, Simulator
from producer.wire import transaction_messages
from tests.definitions import V1

START, SEED, DAYS = date(2026, 3, 2), 7, (0, 50)
"""The first day, and one after the change of `drift`."""

SCENARIOS = Path(producer.__file__).parent / "scenarios"

GOLDEN = {
    "v1/default": "dec02b393b045627",
    "v1/demo": "579acde5a6930c90",
    "v1/drift": "c620b3c01a831597",
    "v1/small": "bd38d1621f973c6f",
}


def digest(name: str, days: list[DayOfTraffic]) -> str:
    """Of the scenario's file, the messages in the order of their arrival, the reports and the truth."""
    found = hashlib.sha256((SCENARIOS / f"{name}.yaml").read_bytes())
    for day in days:
        messages = transaction_messages(V1, day.delivered())
        for part in (*messages.values, *messages.keys):
            found.update(part)
        for table in (day.labels, day.truth):
            found.update(_written(table))
    return found.hexdigest()[:16]


def _written(table: pa.Table) -> bytes:
    return repr(table.to_pydict()).encode()


def test_every_scenario_of_the_version_is_held() -> None:
    assert sorted(GOLDEN) == [f"v1/{name}" for name in scenario_names("v1")]


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_a_frozen_scenario_makes_the_same_bytes(name: str) -> None:
    # given a world of a scenario that is frozen, in small
    simulator = Simulator(load_scenario(name, cards=1_500, merchants=300), SEED, START)
    # when two of its days are made
    days = [simulator.day(START + timedelta(days=number)) for number in DAYS]
    # then they are what they were; a change of them is a new version of the scenarios
    assert digest(name, days) == GOLDEN[name]

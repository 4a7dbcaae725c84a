"""The rates of simulated payments: none lacks one, and a euro stays a euro."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fraud.definitions.loading import load_definitions
from fraud.errors import ConfigurationError
from fraud.money.rates import day_of, read_rates
from fraud.money.tables import in_base
from producer.scenario import SimulationScenario
from producer.simulator.rates import write_rates
from tests.definitions.base import write_v1_in_euros
from tests.producer.conftest import START

LAST = START + timedelta(days=60)


def test_no_amount_of_a_scenario_with_several_currencies_is_unknown(
    scenario: SimulationScenario, transactions: pa.Table, tmp_path: Path
) -> None:
    # given
    assert pc.count_distinct(transactions["currency"]).as_py() > 1
    definitions = write_v1_in_euros(tmp_path, "")
    (tmp_path / "rates.csv").unlink()
    write_rates(tmp_path / "rates.csv", scenario.currencies, START, LAST)
    # when
    found = in_base(load_definitions(definitions), transactions)
    # then
    assert found["amount"].null_count == 0
    # and each amount is what it was simulated as, to a cent of rounding on either side
    per_euro = {one.code: one.per_euro for one in scenario.currencies}
    for currency in ("PLN", "JPY"):
        rows = found.filter(pc.equal(found["paid_currency"], currency))
        digits = 0 if currency == "JPY" else 2
        paid = rows["paid_amount"].to_numpy() / 10**digits
        assert len(paid)
        assert np.abs(rows["amount"].to_numpy() / 100 - paid / per_euro[currency]).max() <= 0.005 + 1e-9


def test_the_file_covers_the_days_of_the_payments_and_the_one_before(
    scenario: SimulationScenario, tmp_path: Path
) -> None:
    # when
    count = write_rates(tmp_path / "rates.csv", scenario.currencies, START, LAST)
    # then
    rates = read_rates(tmp_path / "rates.csv", "EUR").rates
    assert len(rates) == count
    days = {day for day, _ in rates}
    assert days == set(range(day_of(START) - 1, day_of(LAST) + 1))
    assert {currency for _, currency in rates} == {one.code for one in scenario.currencies} - {"EUR"}


def test_a_file_that_exists_is_kept(scenario: SimulationScenario, tmp_path: Path) -> None:
    # given
    path = tmp_path / "rates.csv"
    path.write_text("mine")
    # when
    with pytest.raises(ConfigurationError, match="exists; name another file"):
        write_rates(path, scenario.currencies, START, LAST)
    # then
    assert path.read_text() == "mine"
    with pytest.raises(ConfigurationError, match="cannot be written: No such file"):
        write_rates(tmp_path / "absent" / "rates.csv", scenario.currencies, START, LAST)

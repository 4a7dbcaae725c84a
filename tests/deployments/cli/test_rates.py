"""`fraud rates`: what is refused, and how; the topic itself is tested in tests/fraud/money."""

from pathlib import Path

import pytest

from tests.definitions.base import write_v1_by_topic, write_v1_in_euros
from tests.deployments.conftest import FraudCommand


@pytest.fixture
def rates(tmp_path: Path) -> Path:
    path = tmp_path / "new.csv"
    path.write_text("date,currency,rate\n2025-03-14,USD,1.0883\n2025-03-14,USB,2\n")
    return path


def test_without_a_base_nothing_is_published(fraud: FraudCommand, rates: Path) -> None:
    refused = fraud("rates", "publish", str(rates))
    assert refused.code == 2
    assert "v1.yaml has no base currency, so no rates are used; write money: {base: EUR" in refused.err


def test_a_mistake_in_the_file_is_said_with_its_line(
    fraud: FraudCommand, rates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUD_DEFINITIONS", str(write_v1_by_topic(tmp_path)))
    refused = fraud("rates", "publish", str(rates))
    assert refused.code == 2
    assert "new.csv:3: currency 'USB' is unknown; do you mean" in refused.err


def test_rates_that_nobody_reads_are_not_published(
    fraud: FraudCommand, rates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates.write_text("date,currency,rate\n2025-03-14,USD,1.0883\n")
    monkeypatch.setenv("FRAUD_DEFINITIONS", str(write_v1_in_euros(tmp_path, "2025-03-14,USD,2\n")))
    refused = fraud("rates", "publish", str(rates))
    assert refused.code == 2
    assert "so nobody reads the topic 'currency_rates'; write money: {base: EUR, rates: topic}" in refused.err

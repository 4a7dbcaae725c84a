"""Money at risk where the definitions have a base currency."""

from pathlib import Path

import pytest

from fraud.settings import Settings
from serving.dashboard.api.queries import review_figures
from serving.dashboard.feed.recorder import Batch
from serving.dashboard.feed.store import Store
from tests.conftest import SettingsFactory
from tests.definitions.base import write_v1_in_euros
from tests.serving.dashboard.feed.writing import recorder_on, rows_of
from tests.serving.dashboard.support import payment, prediction_for


def at_risk(settings: Settings, folder: Path) -> dict[str, float]:
    """Of four alerts of 1,000.00 in their currencies with a score of 0.5, by currency."""
    store = Store(folder / "history.db")
    bases = {"EUR": 100_000, "USD": 50_000, "CHF": None, "GBP": -100}
    predictions = [
        prediction_for(payment(number, currency=currency, amount=1_000), score=0.5, amount_base=amount)
        for number, (currency, amount) in enumerate(bases.items())
    ]
    recorder_on(store, settings).write(Batch(predictions=predictions))
    rows = rows_of(store, "SELECT currency, at_risk FROM alerts")
    return {row["currency"]: row["at_risk"] for row in rows}


def shown(folder: Path, base: str | None) -> list[dict[str, object]]:
    with Store(folder / "history.db").reading() as connection:
        found: list[dict[str, object]] = review_figures(connection, base)["at_risk"]
    return found


def test_it_is_in_the_base(make_settings: SettingsFactory, tmp_path: Path) -> None:
    settings = make_settings(definitions=write_v1_in_euros(tmp_path, "2025-01-01,USD,2\n"))
    assert at_risk(settings, tmp_path) == {"EUR": 500, "USD": 250, "CHF": 0, "GBP": -0.5}
    # and the page shows one sum
    assert shown(tmp_path, "EUR") == [{"currency": "EUR", "amount": 749.5}]


def test_without_a_base_it_is_in_euros_roughly(local_settings: Settings, tmp_path: Path) -> None:
    found = at_risk(local_settings, tmp_path)
    assert found["EUR"] == 500
    assert found["USD"] == pytest.approx(500 / 1.1)
    # and the page shows amounts as paid, by currency
    amounts = {one["currency"]: one["amount"] for one in shown(tmp_path, None)}
    assert amounts == dict.fromkeys(("EUR", "USD", "CHF", "GBP"), 500)
    # and the most comes first
    assert shown(tmp_path, None)[0]["currency"] == "GBP"

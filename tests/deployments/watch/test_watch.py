"""`fraud watch` on a real engine, and its arithmetic on readings."""

import math
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from deployments.watch.figures import MetricsReading, quantile, rates, read, worker_addresses
from deployments.watch.page import page, sparkline
from fraud.errors import ConfigurationError
from fraud.machine.console import Console
from fraud.schema import Prediction, Reason
from fraud.settings import Settings
from serving.ops.health import HealthServer
from tests.deployments.conftest import FraudCommand
from tests.serving.world import register, running, send, tiny_bundle, transaction, wait_for_predictions


def reading(moment: float, approved: float, reviewed: float, buckets: dict[str, float]) -> MetricsReading:
    """A worker's figures."""
    made = MetricsReading(moment)
    for decision, count in (("approve", approved), ("review", reviewed)):
        made.values["fraud_predictions_total", (("decision", decision),)] = count
    for bound, count in buckets.items():
        made.values["fraud_end_to_end_seconds_bucket", (("le", bound),)] = count
    return made


def test_rates_are_those_between_two_looks() -> None:
    # given two looks, two seconds apart
    before = reading(10.0, 1_000, 50, {"0.01": 500, "0.1": 1_000, "+Inf": 1_050})
    after = reading(12.0, 1_180, 70, {"0.01": 600, "0.1": 1_200, "+Inf": 1_250})
    # when
    found = rates(before, after)
    # then
    assert found.rate == 100.0
    assert found.outcome_shares["review"] == 0.1
    assert found.p50 == 0.01
    assert found.p99 == pytest.approx(0.01 + 0.09 * 0.98)


def test_a_restarted_worker_counts_from_zero() -> None:
    before = reading(0.0, 1_000, 50, {"0.01": 1_050, "+Inf": 1_050})
    after = reading(1.0, 40, 0, {"0.01": 40, "+Inf": 40})
    assert rates(before, after).rate == 40.0
    assert rates(before, after).p50 == 0.005


def test_without_predictions_nothing_is_invented() -> None:
    same = reading(0.0, 5, 1, {"0.01": 6, "+Inf": 6})
    found = rates(same, reading(1.0, 5, 1, {"0.01": 6, "+Inf": 6}))
    assert found.rate == 0.0
    assert math.isnan(found.outcome_shares["decline"])
    assert math.isnan(found.p99)
    assert sparkline(found.scores.tolist()) == "nothing yet"


def test_what_exceeds_every_bound_counts_as_the_last_bound() -> None:
    assert quantile({1.0: 1.0, 60.0: 2.0, math.inf: 100.0}, 0.99) == 60.0


def test_the_bars_show_small_shares_too() -> None:
    assert sparkline([0.9, 0.0, 0.01]) == "█ ▁"


def test_without_a_worker_it_says_what_to_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"flows/serve\.py"):
        worker_addresses(tmp_path, [])
    assert worker_addresses(tmp_path, ["http://a:1/"]) == ["http://a:1"]


def test_a_worker_that_does_not_answer_is_reported() -> None:
    found = read(["http://127.0.0.1:9"], 0.0)
    assert found.states == [("http://127.0.0.1:9", False, "does not answer")]


@pytest.mark.parametrize("columns", [120, 80, 42, 20])
def test_the_page_fits_the_terminal_with_a_line_for_each_alert(columns: int) -> None:
    # given workers of which one restores, and two alerts with long reasons
    now = reading(1.0, 1_000, 50, {"0.01": 1_050, "+Inf": 1_050})
    now.states = [("http://a:1", True, "scoring"), ("http://b:1", False, "restoring")]
    alerts = [alert("tx-1"), alert("tx-2")]
    # when
    console = Console(width=columns, file=StringIO(), color_system=None)
    console.print(page(now, rates(reading(0.0, 0, 0, {}), now), alerts, columns))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    # then no line is longer, and what does not work is named
    assert max(map(len, lines)) <= columns
    assert any("restoring" in line for line in lines)
    if 42 <= columns < 116:
        assert sum("0.900" in line for line in lines) == 2
        assert len(lines) < 30


@pytest.mark.parametrize(("zone", "clock"), [("UTC", "13:46:40"), ("Asia/Kolkata", "19:16:40")])
def test_amounts_and_times_are_as_on_the_page(monkeypatch: pytest.MonkeyPatch, zone: str, clock: str) -> None:
    # given a user's zone
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    # when an alert is shown
    console = Console(width=80, file=StringIO(), color_system=None)
    now = reading(1.0, 1_000, 50, {})
    console.print(page(now, rates(reading(0.0, 0, 0, {}), now), [alert("tx-1")], 80))
    monkeypatch.undo()
    time.tzset()
    # then its amount has the currency's sign, and its time is of the zone that the column names
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    (row,) = (line for line in lines if "card-0000" in line)
    assert row.split()[:2] == [clock, "€1,484.00"]
    assert any(f"time ({'UTC' if zone == 'UTC' else 'IST'})" in line for line in lines)


def alert(transaction_id: str) -> Prediction:
    """A payment to be reviewed, for a reason of several words."""
    reason = Reason("amount", 1_484.0, 1.2, "amount is 14 times the median of 14 earlier EUR payments")
    made: dict[str, Any] = dict.fromkeys(Prediction.__struct_fields__)
    made |= {
        "transaction_id": transaction_id, "card_id": "card-00007919", "amount": 148_400, "currency": "EUR",
        "timestamp": 1_795_960_000_000, "score": 0.9, "threshold": 0.3, "decision": "review",
        "reasons": [reason], "is_sample": False,
    }  # fmt: skip
    return Prediction(**made)


@pytest.mark.broker
def test_the_page_shows_the_engine_and_its_alerts(
    settings: Settings, mlflow_db: str, fraud: FraudCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an engine that flags, and whose figures are served
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", settings.kafka.bootstrap_servers)
    monkeypatch.setenv("FRAUD_TOPICS__PREDICTIONS", settings.topics.predictions)
    monkeypatch.setenv("COLUMNS", "140")
    version = register(settings, tiny_bundle(settings, threshold=0.3))
    send(settings, [transaction(number, merchant_id="[bold]Café") for number in range(100)])
    with running(settings) as engine:
        found = wait_for_predictions(settings, 100)
        server = HealthServer("127.0.0.1", 0, engine.engine, engine.metrics)
        try:
            # when
            shown = fraud("watch", "--once", "--every", "1", "--url", f"http://127.0.0.1:{server.port}")
        finally:
            server.close()
    # then
    assert shown.code == 0, shown.err
    flagged = [one for one in found if one.decision == "review"]
    assert flagged
    assert "workers ready" in shown.out
    assert "1 of 1" in shown.out
    assert f" {version} " in shown.out
    assert sum(one.transaction_id in shown.out for one in flagged) >= min(len(flagged), 10)


def test_without_serving_it_is_one_sentence(fraud: FraudCommand) -> None:
    refused = fraud("watch")
    assert refused.code != 0
    assert "no worker has written its address" in refused.err
    assert refused.err.count("\n") == 1

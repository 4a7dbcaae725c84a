import io
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from confluent_kafka import Producer

from deployments.demo.programs import Programs
from deployments.demo.result import DemoResult, evaluate_run
from deployments.demo.run import DemoPlan
from deployments.demo.screen import Screen
from deployments.demo.watch import PredictionsWatch
from deployments.local.stack import ServerStatus
from fraud.decisions.outcomes import Outcome
from fraud.errors import FraudError
from fraud.kafka.clients import producer_config
from fraud.lake import open_lake
from fraud.machine.console import Console
from fraud.schema import Prediction
from fraud.settings import Settings
from tests.definitions import V1Transaction


def publish(settings: Settings, topic: str, *values: msgspec.Struct) -> None:
    producer = Producer(producer_config(settings))
    for value in values:
        producer.produce(topic, msgspec.json.encode(value))
    assert producer.flush(30) == 0


def transaction(identifier: str) -> Any:
    return V1Transaction(
        transaction_id=identifier, card_id="card", merchant_id="merchant", amount=Decimal("1.50"),
        currency="EUR", timestamp=int(time.time() * 1_000),
    )  # fmt: skip


def prediction(identifier: str, decision: Outcome, version: str = "1") -> Prediction:
    now = int(time.time() * 1_000)
    score = 0.9 if decision == "review" else 0.1
    return Prediction(
        identifier, "card", now, 150, "EUR", score, decision, 0.5, "fraud-detector", version, 1, now
    )


def result_of(settings: Settings, *answers: Prediction) -> DemoResult:
    """What the demo says of transactions a, b and c, of which b is a fraud, and these answers."""
    topics, lake = settings.topics, open_lake(settings)
    now = int(time.time() * 1_000)
    truth = {"transaction_id": ["a", "b", "c"], "is_fraud": [False, True, False]}
    kinds = {"fraud_type": [None, "card_testing", None], "sent_at": [now, now, now]}
    lake.write_table(pa.table(truth | kinds), "truth/t.parquet")
    publish(settings, topics.transactions, *(transaction(one) for one in ("a", "b", "c", "c")))
    with PredictionsWatch(settings) as watch:
        publish(settings, topics.predictions, *answers)
        deadline = time.monotonic() + 30
        while watch.seen < len(answers) and time.monotonic() < deadline:
            time.sleep(0.01)
        return evaluate_run(settings, lake, watch)


@pytest.mark.broker
@pytest.mark.usefixtures("mlflow_db")
def test_every_transaction_answered_once_is_complete(settings: Settings) -> None:
    # given an answer for each, the fraud flagged, by two versions
    answers = prediction("a", "approve"), prediction("b", "review"), prediction("c", "approve", "2")
    # when
    result = result_of(settings, *answers)
    # then
    assert result.complete
    assert (result.distinct, result.transactions, result.predictions) == (3, 4, 3)
    assert (result.live.precision, result.live.recall, result.live.average_precision) == (1.0, 1.0, 1.0)
    assert result.by_version == {"1": 2, "2": 1}
    assert result.latency_p50 >= 0


@pytest.mark.broker
@pytest.mark.usefixtures("mlflow_db")
def test_what_is_lost_or_doubled_is_counted(settings: Settings) -> None:
    # given two answers to one transaction, and none to another
    answers = prediction("a", "approve"), prediction("a", "approve"), prediction("c", "approve")
    # when
    result = result_of(settings, *answers)
    # then
    assert not result.complete
    assert (result.lost, result.doubled) == (1, 1)


def test_a_failing_program_is_one_sentence_with_its_log(tmp_path: Path) -> None:
    programs = Programs(tmp_path, {})
    with pytest.raises(FraudError, match=r"broken failed \(no such thing\); see .*demo-broken.log"):
        programs.run("broken", ["-c", "print('no such thing'); raise SystemExit(3)"], lambda text: None)


def test_a_program_and_its_children_end_with_the_context(tmp_path: Path) -> None:
    # given a program that would never end
    with Programs(tmp_path, {}).running("endless", ["-c", "import time; time.sleep(600)"]) as program:
        assert program.poll() is None
    # then it is gone
    assert program.poll() is not None


def test_a_step_leaves_its_line_and_a_failed_one_its_cross() -> None:
    # given
    console = Console(file=io.StringIO(), width=120)
    screen = Screen(console)
    # when
    with screen.step("first") as report:
        report("it went well")
    with pytest.raises(FraudError), screen.step("second"):
        raise FraudError("no")
    # then
    assert isinstance(console.file, io.StringIO)
    written = console.file.getvalue()
    assert "✓ first" in written
    assert "it went well" in written
    assert "✗ second" in written


def test_the_plan_sends_its_hours_in_its_seconds() -> None:
    plan = DemoPlan(Path("home"), hours=48, live_s=80)

    assert plan.speed == 48 * 3_600 / 80


def test_only_what_answers_has_an_address() -> None:
    # given a stack of which one server runs, one does not answer, and one ended
    console = Console(file=io.StringIO(), width=120)
    servers = [
        ServerStatus("Kafka", "ready", "127.0.0.1:9092"),
        ServerStatus("MLflow", "silent", "http://127.0.0.1:5000"),
        ServerStatus("Prefect", "dead", "http://127.0.0.1:4200/api"),
    ]
    # when
    Screen(console).addresses(servers, "user admin")
    # then
    assert isinstance(console.file, io.StringIO)
    written = console.file.getvalue()
    assert "127.0.0.1:9092" in written
    assert "5000" not in written
    assert "4200" not in written


def test_the_dashboard_is_shown_with_its_login() -> None:
    console = Console(file=io.StringIO(), width=120)

    Screen(console).addresses([ServerStatus("Dashboard", "ready", "http://127.0.0.1:8050")], "user admin")

    assert isinstance(console.file, io.StringIO)
    assert "http://127.0.0.1:8050  user admin" in console.file.getvalue()

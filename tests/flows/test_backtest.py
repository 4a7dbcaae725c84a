import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.backtest import BacktestParameters, backtest, parse_span
from flows.entry import run_command_line
from fraud.errors import ConfigurationError, DataError, IncompatibleModelError
from fraud.lake import open_lake
from fraud.registry.aliases import promote
from fraud.settings import Settings
from tests.fraud.registry.models import registered
from tests.fraud.training.models import a_bundle
from tests.fraud.training.synthetic import tables, write_history

START = datetime(2024, 3, 1, tzinfo=UTC)
PLAN: dict[str, Any] = {
    "start": date(2024, 4, 1), "folds": 1, "train_days": 20,
    "delay_days": 3, "test_days": 7, "step_days": 7, "k": 5,
}  # fmt: skip


@pytest.fixture
def home(
    local_settings: Settings, mlflow_db: str, prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Settings as the flow reads them."""
    monkeypatch.setenv("FRAUD_HOME", str(local_settings.home))
    monkeypatch.setenv("FRAUD_TRAINING__THREADS", "1")
    return local_settings


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A stream of bare transactions, under names of its own, in which fraud is dear; and its labels."""
    random = np.random.default_rng(5)
    count = 45 * 60
    seconds = np.sort(random.integers(0, 45 * 86_400, count))
    fraud = random.random(count) < 0.06
    amounts = np.round(random.lognormal(3, 0.6, count) * np.where(fraud, 6, 1), 2)
    lines = ["id,cc,shop,value,when"]
    lines += [
        f"x{number},c{random.integers(60)},{'<b>shop</b>' if fraud[number] else 'shop'},{amounts[number]},"
        f"{(START + timedelta(seconds=int(seconds[number]))).isoformat()}"
        for number in range(count)
    ]
    transactions, labels = tmp_path / "stream.csv", tmp_path / "labels.csv"
    transactions.write_text("\n".join(lines))
    labels.write_text("\n".join(["transaction_id,is_fraud", *(f"x{row},1" for row in np.flatnonzero(fraud))]))
    (tmp_path / "columns.yaml").write_text(
        "transaction_id: id\ncard_id: cc\nmerchant_id: shop\namount: value\n"
        "timestamp: when\ncurrency: {value: EUR}\n"
    )
    return transactions, labels


@pytest.mark.timeout(300)
def test_a_users_files_are_evaluated_and_reported(
    home: Settings, files: tuple[Path, Path], tmp_path: Path
) -> None:
    # given a user's files under column names of their own
    transactions, labels = files
    report, figures = tmp_path / "out" / "report.html", tmp_path / "out" / "figures.json"
    # when they are walked through
    parameters = BacktestParameters(
        **PLAN,
        transactions=transactions,
        labels=labels,
        columns=tmp_path / "columns.yaml",
        label_delay="2d",
        trials=1,
        drop_known_cards=True,
        report=report,
        json_file=figures,
    )
    found = backtest(parameters)
    # then the figures are returned and written, the model's and the baselines'
    assert json.loads(figures.read_text()) == json.loads(json.dumps(found))
    precision = {name: one["average_precision"]["mean"] for name, one in found["mean"].items()}
    assert set(precision) == {"model", "constant", "amount rule", "logistic regression"}
    assert precision["model"] > precision["constant"]
    # and the page shows what it should, needs nothing from elsewhere and lets no name become markup
    page = report.read_text()
    parts = ("Precision and recall", "Calibration", "Money saved", "Card precision@5", "By amount", "missed")
    assert not [part for part in parts if part not in page]
    foreign = ("http://", "https://", "<script", "src=", "@import", "<b>shop</b>")
    assert not [word for word in foreign if word in page]
    assert page.count("<svg") == 4


@pytest.mark.timeout(300)
def test_a_registered_model_is_evaluated_on_the_lake(home: Settings) -> None:
    # given a champion that has seen labels of today, and rows in the lake
    write_history(open_lake(home), *tables(days=60, per_day=60))
    promote(home, registered(home, a_bundle()), "first")
    # when it is evaluated
    found = backtest(BacktestParameters(**PLAN, model="models:/fraud-detector@champion"))
    # then it was, with the warning that it has seen what it is tested on
    assert found["mean"]["model"]["average_precision"]["mean"] > 0.1
    assert "its figures are better than it is" in found["warnings"][0]


def test_a_model_of_other_features_is_refused(home: Settings) -> None:
    registered(home, a_bundle(feature_version=99))
    with pytest.raises(IncompatibleModelError, match="needs feature version 99"):
        backtest(BacktestParameters(**PLAN, model="models:/fraud-detector/1"))


@pytest.mark.parametrize("address", ["fraud-detector", "models:/fraud-detector", "models:/a@b@c"])
def test_a_malformed_address_is_an_error(home: Settings, address: str) -> None:
    with pytest.raises(ConfigurationError, match="is no model"):
        backtest(BacktestParameters(**PLAN, model=address))


def test_an_alias_that_no_version_has_is_an_error(home: Settings) -> None:
    with pytest.raises(DataError, match="no version of the model 'fraud-detector' has the alias 'hero'"):
        backtest(BacktestParameters(**PLAN, model="models:/fraud-detector@hero"))


@pytest.mark.parametrize("text", ["7", "d", "", "7y", "-1d", "1.5d", "1_0d", "٣d"])
def test_a_malformed_time_span_is_an_error(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no span of time"):
        parse_span(text)


def test_a_span_is_read() -> None:
    assert [parse_span(text) for text in ("7d", "36h", "90m")] == [
        timedelta(days=7), timedelta(hours=36), timedelta(minutes=90)
    ]  # fmt: skip


def test_a_users_mistake_ends_the_program_with_a_sentence(
    home: Settings,
    files: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    # given labels of which one names nobody
    transactions, labels = files
    labels.write_text(labels.read_text() + "\nnobody,1")
    # when the program is run
    arguments = [
        "flows/backtest.py", "--transactions", str(transactions),
        "--labels", str(labels), "--columns", str(tmp_path / "columns.yaml"),
        *(word for name, value in PLAN.items() for word in (f"--{name.replace('_', '-')}", str(value))),
    ]  # fmt: skip
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as exited:
        run_command_line(backtest)
    # then it ends with the sentence and its code, without a traceback
    output = capfd.readouterr()
    assert exited.value.code == DataError.exit_code
    assert "error: 1 labels name transactions that are not in the history" in output.err
    assert "Traceback" not in output.out + output.err


def test_prefects_form_and_api_give_the_parameters_as_one_object() -> None:
    # given parameters as Prefect's API sends them
    given = {"parameters": {"start": "2024-04-01", "model": "models:/fraud-detector@champion"}}
    # when Prefect reads them, then they are the flow's model, with its defaults and descriptions
    read = backtest.validate_parameters(given)["parameters"]
    assert (read.start, read.folds, read.json_file) == (date(2024, 4, 1), None, None)
    fields = backtest.parameters.definitions["BacktestParameters"]["properties"]
    assert all(field["description"] for field in fields.values())

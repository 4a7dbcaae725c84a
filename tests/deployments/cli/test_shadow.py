"""`fraud shadow` on predictions that the engine made with two models."""

import json

import pyarrow as pa
import pytest

from fraud.definitions.features import DAY_MS
from fraud.lake import open_lake
from fraud.settings import Settings
from tests.deployments.conftest import FraudCommand
from tests.fraud.training.synthetic import labels_of, tables, write_history
from tests.serving.world import (
    register,
    running,
    send,
    tiny_bundle,
    transaction,
    wait_for,
    wait_for_predictions,
)

pytestmark = pytest.mark.broker


@pytest.fixture
def shadowing(settings: Settings, mlflow_db: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that the command finds too; the challenger scores beside the champion."""
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", settings.kafka.bootstrap_servers)
    monkeypatch.setenv("FRAUD_TOPICS__PREDICTIONS", settings.topics.predictions)
    serving = settings.serving.model_copy(update={"shadow": True})
    return settings.model_copy(update={"serving": serving})


def test_the_two_are_compared_at_their_own_thresholds(shadowing: Settings, fraud: FraudCommand) -> None:
    # given payments that both have scored, some of them fraud, reported when the rest has matured
    champion = register(shadowing, tiny_bundle(shadowing))
    challenger = register(shadowing, tiny_bundle(shadowing, seed=3, threshold=0.2), alias="challenger")
    with running(shadowing) as engine:
        wait_for(lambda: engine.engine._models.challenger)
        send(shadowing, [transaction(number) for number in range(200)])
        found = wait_for_predictions(shadowing, 200)
    frauds = [one for one in found if one.score > 0.5][:20]
    # the feed of labels has no gap between the payments and the last report, which several confirm
    newest = max(one.timestamp for one in found)
    reported_at = [newest + (5 + number % 2 * 4) * DAY_MS for number in range(len(frauds))]
    labels = labels_of([one.transaction_id for one in frauds], reported_at)
    labels = labels.append_column("card_id", pa.array([one.card_id for one in frauds]))
    write_history(open_lake(shadowing), tables(days=1)[0].slice(0, 0), labels)
    # when
    report = json.loads(fraud("shadow", "--json").out)
    # then
    assert (report["champion"], report["challenger"], report["scored"]) == (champion, challenger, 200)
    assert report["metrics"]["champion"]["frauds"] == len(frauds)
    assert report["metrics"]["champion"]["threshold"] == 0.5
    assert report["metrics"]["challenger"]["threshold"] == 0.2
    both = [one.challenger_score for one in found if one.challenger_score is not None]
    agreeing = [(one.score >= 0.5) == (score >= 0.2) for one, score in zip(found, both, strict=True)]
    assert report["agreement"] == pytest.approx(sum(agreeing) / 200)
    # and a person reads the same
    page = fraud("shadow").out
    assert f"version {challenger} scored 200 payments beside the champion" in page
    assert "the gate would decide:" in page


def test_without_a_challenger_it_is_one_sentence(shadowing: Settings, fraud: FraudCommand) -> None:
    refused = fraud("shadow")
    assert refused.code != 0
    assert "FRAUD_SERVING__SHADOW=true" in refused.err
    assert refused.err.count("\n") == 1

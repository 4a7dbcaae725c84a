"""`fraud explain` on predictions that the engine made."""

import json

import pytest

from fraud.registry.bundle import ModelBundle
from fraud.registry.versions import get_version
from fraud.schema import Prediction
from fraud.settings import Settings
from tests.definitions import V1
from tests.deployments.conftest import FraudCommand
from tests.serving.decisions.changes import make_live, put_on_list
from tests.serving.decisions.support import DECLINES_SMALL
from tests.serving.world import register, running, send, tiny_bundle, transaction, wait_for_predictions

pytestmark = pytest.mark.broker


@pytest.fixture
def served(settings: Settings, mlflow_db: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that the command finds too; every second prediction keeps its features."""
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", settings.kafka.bootstrap_servers)
    for name, topic in settings.topics.model_dump().items():
        monkeypatch.setenv(f"FRAUD_TOPICS__{name.upper()}", topic)
    serving = settings.serving.model_copy(update={"feature_sample": 0.5})
    return settings.model_copy(update={"serving": serving})


def served_by(settings: Settings, bundle: ModelBundle) -> list[Prediction]:
    """What the engine makes of some payments."""
    register(settings, bundle)
    send(settings, [transaction(number) for number in range(60)])
    with running(settings):
        return wait_for_predictions(settings, 60)


def first_reason(prediction: Prediction) -> str:
    assert prediction.reasons
    return prediction.reasons[0].text


def test_a_decision_is_traced_to_model_run_code_and_data(served: Settings, fraud: FraudCommand) -> None:
    # given
    bundle = tiny_bundle(
        served, threshold=0.1, data_fingerprint="f00d", code_version="0.1.0+abc", params={"max_depth": 4}
    )
    found = served_by(served, bundle)
    flagged = next(one for one in found if one.reasons and one.features)
    # when
    document = json.loads(fraud("explain", flagged.transaction_id, "--json").out)
    # then the prediction is the one on the topic
    assert document["prediction"]["score"] == flagged.score
    assert document["prediction"]["reasons"][0]["text"] == first_reason(flagged)
    # and its descent is complete
    model, registered = document["model"], get_version(served, flagged.model_version)
    assert registered is not None
    assert (model["version"], model["run_id"]) == (registered.version, registered.run_id)
    assert (model["data_fingerprint"], model["code_version"]) == ("f00d", "0.1.0+abc")
    assert model["params"] == {"max_depth": 4}
    assert (model["aliases"], model["reason"]) == (["champion"], "test")
    # and the registered model gives the same score for the features that were kept
    assert document["features_from"] == "prediction"
    assert list(document["features"].values()) == pytest.approx(flagged.features, nan_ok=True)
    assert document["score_again"] == pytest.approx(flagged.score, abs=1e-6)
    assert document["contributions"].keys() == set(V1.feature_names)
    assert document["notes"] == []


def test_the_page_reads_from_the_decision_down_to_the_data(
    served: Settings, fraud: FraudCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    bundle = tiny_bundle(served, threshold=0.1, data_fingerprint="f00d", code_version="0.1.0+abc")
    flagged = next(one for one in served_by(served, bundle) if one.reasons and one.features)
    page = fraud("explain", flagged.transaction_id).out
    document = (
        "review", f"{flagged.score:.2%}", first_reason(flagged), "Features as they were scored", "f00d",
        "0.1.0+abc", "champion", "scored again",
    )  # fmt: skip
    places = [page.index(text) for text in document[:4]]
    assert places == sorted(places)
    assert not [text for text in document if text not in page]


def test_what_a_policy_made_of_the_score_is_shown_with_its_reasons(
    served: Settings, fraud: FraudCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a live policy whose rule declines small amounts, and a card on its list
    monkeypatch.setenv("COLUMNS", "140")
    version = make_live(served, DECLINES_SMALL)
    put_on_list(served, "blocked", "card-24")
    found = served_by(served, tiny_bundle(served))
    declined = next(one for one in found if one.decided_by == "rule small" and one.lists is None)
    # when
    page = fraud("explain", declined.transaction_id).out
    # then
    shown = (
        "decline",
        f"{version} (digest {declined.policy_digest})",
        "small@1: small amounts",
        "rule small",
    )
    assert not [text for text in shown if text not in page]
    # and a payment of the listed card names the list
    blocked = next(one for one in found if one.decided_by == "list blocked")
    assert "blocked (as of position 1)" in fraud("explain", blocked.transaction_id).out


def test_what_was_not_kept_is_said(served: Settings, fraud: FraudCommand) -> None:
    found = served_by(served, tiny_bundle(served, threshold=0.999999))
    bare = next(one for one in found if one.features is None)
    explained = fraud("explain", bare.transaction_id)
    assert explained.code == 0
    assert "FRAUD_SERVING__FEATURE_SAMPLE" in explained.out


def test_without_mlflow_the_prediction_is_still_shown(
    served: Settings, fraud: FraudCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = served_by(served, tiny_bundle(served))
    monkeypatch.setenv("FRAUD_REGISTRY__TRACKING_URI", "http://127.0.0.1:9")
    document = json.loads(fraud("explain", found[0].transaction_id, "--json").out)
    assert document["prediction"]["score"] == found[0].score
    assert document["model"] is None
    assert any("MLflow at" in note for note in document["notes"])


def test_an_unknown_transaction_is_one_sentence(served: Settings, fraud: FraudCommand) -> None:
    refused = fraud("explain", "nobody's")
    assert refused.code == 1
    assert refused.out == ""
    assert refused.err.startswith("error: ")
    assert 'holds no prediction on transaction "nobody\'s"' in refused.err
    assert refused.err.count("\n") == 1


def test_without_kafka_the_sentence_names_it(
    served: Settings, fraud: FraudCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUD_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("FRAUD_KAFKA__REQUEST_TIMEOUT_S", "1")
    refused = fraud("explain", "t1")
    assert refused.code == 3
    assert "Kafka at 127.0.0.1:1" in refused.err

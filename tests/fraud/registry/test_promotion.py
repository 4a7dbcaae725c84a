"""What becomes of a candidate, on a real registry, with champions in any state."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest

from fraud.evaluation.comparison.champion import find_champion
from fraud.evaluation.gate import PromotionDecision
from fraud.registry.aliases import promote, version_of_alias
from fraud.registry.bundle import ModelBundle
from fraud.registry.connection import experiment_id, mlflow_client
from fraud.registry.promotion import apply_decision, decide_promotion, load_champion, promotion_mode
from fraud.registry.versions import list_versions, log_and_register
from fraud.settings import Promotion, Settings
from fraud.training.dataset import Dataset
from fraud.training.splits import Split, TimeRange
from tests.fraud.evaluation.comparison.predictions import predictions_of, send_predictions
from tests.fraud.registry.models import artifact_of
from tests.fraud.signing.signed import force_alias
from tests.fraud.training.models import a_bundle
from tests.fraud.training.synthetic import START_MS, dataset

DAY_MS = 86_400_000
WEAK, STRONG = 1, 40
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def history() -> Dataset:
    """Days of which `a_bundle` has not learnt, although they are of the same world."""
    return dataset(days=14, per_day=300, fraud_rate=0.05, seed=5)


@pytest.fixture
def home(settings: Settings, mlflow_db: str) -> Settings:
    """A broker and a registry."""
    assert settings.tracking_uri == mlflow_db
    return settings


@pytest.fixture
def offline(local_settings: Settings, mlflow_db: str) -> Settings:
    """A registry alone."""
    return local_settings


def split_of(days: int = 14) -> Split:
    """Test days at the begin of the history."""
    nothing = TimeRange(0, 0)
    return Split(nothing, nothing, nothing, TimeRange(START_MS, START_MS + days * DAY_MS))


def with_alerts(bundle: ModelBundle, history: Dataset, alerts: int = 200) -> ModelBundle:
    """The same model with a threshold at which it raises about so many alerts."""
    threshold = float(np.sort(bundle.score(history.rows))[-alerts])
    return replace(bundle, metadata=bundle.metadata.model_copy(update={"threshold": threshold}))


def a_model(history: Dataset, rounds: int, **fields: Any) -> ModelBundle:
    """A model that learnt long before the history; more rounds, better ranking."""
    known = {"train_start": LONG_AGO, "train_end": LONG_AGO, "labels_as_of": LONG_AGO}
    return with_alerts(a_bundle(rounds, **(known | fields)), history)


def register(settings: Settings, bundle: ModelBundle) -> ModelBundle:
    """The bundle with the version that it got."""
    with mlflow_client(settings), mlflow.start_run(experiment_id=experiment_id(settings)) as run:
        return replace(bundle, version=log_and_register(settings, bundle, run.info.run_id))


def make_champion(settings: Settings, bundle: ModelBundle) -> ModelBundle:
    """Registered, and the champion whatever its state."""
    registered = register(settings, bundle)
    force_alias(settings, registered.version)
    return registered


def gated(
    settings: Settings,
    history: Dataset,
    candidate: ModelBundle,
    promotion: Promotion = "auto",
    days: int = 14,
) -> PromotionDecision:
    """Register, compare and carry out, as a training does."""
    registered = register(settings, candidate)
    decision = decide_promotion(settings, history, split_of(days), registered, promotion)
    apply_decision(settings, registered.version, decision)
    return decision


def willing(settings: Settings) -> Settings:
    """The same settings with a budget at which a gain on two hundred frauds is enough."""
    training = settings.training.model_copy(update={"false_promotions": 0.9})
    return settings.model_copy(update={"training": training})


def truncated(settings: Settings, version: str) -> None:
    artifact = artifact_of(settings, version)
    artifact.write_bytes(artifact.read_bytes()[:1_000])


def deleted(settings: Settings, version: str) -> None:
    shutil.rmtree(artifact_of(settings, version).parents[1])


def without_metadata(settings: Settings, version: str) -> None:
    description: Path = artifact_of(settings, version).parent / "MLmodel"
    description.write_text("flavors: {}\n")


def untouched(settings: Settings, version: str) -> None:
    pass


FAULTS: dict[str, tuple[dict[str, Any], Callable[[Settings, str], None]]] = {
    "another feature version": ({"feature_version": 99}, untouched),
    "a truncated artifact": ({}, truncated),
    "an artifact that is gone": ({}, deleted),
    "no metadata": ({}, without_metadata),
}


@pytest.mark.broker
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("old", "new", "promoted"), [(WEAK, STRONG, True), (STRONG, WEAK, False)])
def test_a_champion_that_cannot_be_loaded_is_compared_by_its_logged_scores(
    home: Settings, history: Dataset, fault: str, old: int, new: int, promoted: bool
) -> None:
    # given a champion that has answered every payment but the first day's, and then cannot be loaded
    fields, damage = FAULTS[fault]
    champion = make_champion(home, a_model(history, old, **fields))
    answered = history.between(TimeRange(START_MS + DAY_MS, START_MS + 14 * DAY_MS))
    scores = champion.score(answered.rows)
    # Its threshold is in its answers.
    answers = predictions_of(answered, scores, champion.version, champion.threshold)
    send_predictions(home, answers)
    damage(home, champion.version)
    assert isinstance(load_champion(home), str)
    # when
    decision = gated(home, history, a_model(history, new))
    # then both were compared on the very rows that it answered
    assert decision.promote is promoted
    assert decision.comparison is not None
    assert decision.comparison.champion_scores == "logged scores"
    assert (decision.comparison.rows, decision.comparison.frauds) == (len(answered), answered.frauds)
    assert decision.comparison.champion_alerts == int((scores >= champion.threshold).sum())
    assert "without a comparison" not in decision.reason
    # and the registry says what was done
    newest = list_versions(home)[0]
    assert version_of_alias(home) == (newest.version if promoted else champion.version)
    assert newest.reason == decision.reason
    assert newest.tags["gate_champion_scores"] == "logged scores"


@pytest.mark.broker
@pytest.mark.parametrize("logged", ["nothing", "another version's", "a few"])
def test_without_enough_logged_scores_a_person_decides(home: Settings, history: Dataset, logged: str) -> None:
    # given a champion that cannot be loaded, and too little of what it answered
    champion = make_champion(home, a_model(history, WEAK, feature_version=99))
    version = "77" if logged == "another version's" else champion.version
    answered = {"nothing": 0, "another version's": len(history), "a few": 100}[logged]
    part = history.take(np.arange(answered))
    send_predictions(home, predictions_of(part, champion.score(part.rows), version))
    # when a far better candidate comes
    decision = gated(home, history, a_model(history, STRONG))
    # then it is not promoted by itself, and the sentence says why and how a person does it
    assert not decision.promote
    assert version_of_alias(home) == champion.version
    assert "feature version 99" in decision.reason
    assert "logged scores of only" in decision.reason
    assert "`fraud promote 2 --reason ...`" in decision.reason
    assert list_versions(home)[0].reason == decision.reason


def test_without_kafka_a_person_decides_too(offline: Settings, history: Dataset) -> None:
    champion = make_champion(offline, a_model(history, WEAK, feature_version=99))
    decision = gated(offline, history, a_model(history, STRONG))
    assert not decision.promote
    assert "logged scores cannot be read" in decision.reason
    assert version_of_alias(offline) == champion.version


def test_the_first_model_ever_is_promoted(offline: Settings, history: Dataset) -> None:
    assert gated(offline, history, a_model(history, WEAK)).promote
    assert version_of_alias(offline) == "1"


def test_an_alias_that_was_taken_away_does_not_make_a_first_model(
    offline: Settings, history: Dataset
) -> None:
    # given a champion whose alias somebody took
    assert gated(offline, history, a_model(history, STRONG)).promote
    with mlflow_client(offline) as client:
        client.delete_registered_model_alias(offline.registry.model_name, "champion")
    # then a worse model does not slip in
    decision = gated(offline, history, a_model(history, WEAK))
    assert not decision.promote
    assert decision.comparison is not None
    assert version_of_alias(offline) is None
    # and one that loses nothing does
    assert gated(offline, history, a_model(history, STRONG)).promote


def test_a_challenger_alone_was_never_champion(offline: Settings, history: Dataset) -> None:
    promote(offline, register(offline, a_model(history, STRONG)).version, "in shadow", "challenger")
    assert find_champion(offline) is None


def test_a_champion_that_scores_is_compared_by_scoring_again(offline: Settings, history: Dataset) -> None:
    make_champion(offline, a_model(history, WEAK))
    decision = gated(willing(offline), history, a_model(history, STRONG))
    assert decision.promote
    assert decision.comparison is not None
    assert decision.comparison.champion_scores == "scored again"
    tags = list_versions(offline)[0].tags
    assert float(tags["gate_average_precision_gain"]) > 0
    assert int(tags["gate_rows"]) == len(history)


def test_rows_that_the_champion_learnt_from_are_left_out(offline: Settings, history: Dataset) -> None:
    learnt = datetime.fromtimestamp(START_MS / 1_000, UTC) + timedelta(days=5)
    make_champion(offline, a_model(history, WEAK, train_end=learnt))
    decision = gated(offline, history, a_model(history, STRONG))
    assert decision.comparison is not None
    assert decision.comparison.rows == len(
        history.between(TimeRange(START_MS + 5 * DAY_MS, START_MS + 14 * DAY_MS))
    )


def test_an_alarm_makes_a_challenger_and_says_who_must_do_what(offline: Settings, history: Dataset) -> None:
    # given a champion and a better candidate, of a training that an alarm started
    champion = make_champion(offline, a_model(history, WEAK))
    promotion = promotion_mode(offline, None, alarm=True)
    assert promotion == "challenger"
    # when
    decision = gated(willing(offline), history, a_model(history, STRONG), promotion)
    # then it is the challenger, the champion stays, and the sentence says what a person must do
    assert not decision.promote
    assert version_of_alias(offline) == champion.version
    assert version_of_alias(offline, "challenger") == "2"
    reason = list_versions(offline)[0].reason
    assert "a person promotes it with `fraud promote 2 --reason ...`" in reason
    assert "the gate would promote it" in reason
    # and no test data were spent by it
    assert "gate_compared_until" not in list_versions(offline)[0].tags


@pytest.mark.parametrize(
    ("asked", "alarm", "expected"),
    [
        (None, False, "auto"),
        (None, True, "challenger"),
        ("always", True, "always"),
        ("never", False, "never"),
    ],
)
def test_what_becomes_of_a_model_is_asked_for_or_set(
    local_settings: Settings, asked: Promotion | None, alarm: bool, expected: str
) -> None:
    assert promotion_mode(local_settings, asked, alarm=alarm) == expected


def test_the_oftener_the_same_days_are_compared_on_the_surer_it_must_be(
    offline: Settings, history: Dataset
) -> None:
    # given a first comparison on ten days
    make_champion(offline, a_model(history, STRONG))
    first = gated(offline, history, a_model(history, STRONG), days=10)
    # when the next are on the same days, on one more, and on three more
    again = gated(offline, history, a_model(history, STRONG), days=10)
    daily = gated(offline, history, a_model(history, STRONG), days=11)
    later = gated(offline, history, a_model(history, STRONG), days=14)
    # then each spends what belongs to its new days
    spent = [one.comparison.rules.new_days for one in (first, again, daily, later) if one.comparison]
    assert spent == [1.0, 0.0, 1.0, 3.0]


def test_a_champion_beyond_its_age_is_replaced_by_an_equal_one_if_configured(
    offline: Settings, history: Dataset
) -> None:
    # given an equal candidate that is sixty days newer
    make_champion(offline, a_model(history, STRONG))
    newer = a_model(history, STRONG, labels_as_of=LONG_AGO + timedelta(days=60))
    # then by default it is not promoted
    assert not gated(offline, history, newer).promote
    # but with an age of sixty days it is
    training = offline.training.model_copy(update={"refresh_after": timedelta(days=60)})
    refreshing = offline.model_copy(update={"training": training})
    assert gated(refreshing, history, newer).promote
    # and a worse one is not
    worse = a_model(history, WEAK, labels_as_of=LONG_AGO + timedelta(days=120))
    assert not gated(refreshing, history, worse).promote

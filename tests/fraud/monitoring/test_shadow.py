"""Comparison of challenger and champion on matured labels."""

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from fraud.definitions.features import DAY_MS
from fraud.errors import DataError
from fraud.lake import open_lake
from fraud.monitoring.shadow import ShadowPrediction, compare_models, compare_shadow, newest_pair
from fraud.settings import Settings
from tests.fraud.training.synthetic import START_MS, labels_of

COUNT, DAYS = 4_000, 20
FRAUDS = np.random.default_rng(1).random(COUNT) < 0.05


def scored_by_both(challenger_signal: float, version: str = "2") -> list[ShadowPrediction]:
    """Payments of twenty days; `challenger_signal` is how well the challenger separates fraud."""
    random = np.random.default_rng(2)
    guesses = random.random((2, COUNT))
    signals = np.where(FRAUDS, 0.5, 0.0) * np.array([[0.3], [challenger_signal]])
    champion, challenger = np.clip(guesses / 2 + signals, 0, 1)
    return [
        ShadowPrediction(
            f"t{number}", f"card{number % 400}", START_MS + number * DAYS * DAY_MS // COUNT, 10_000,
            float(champion[number]), 0.5, "1", version, float(challenger[number]),
        )
        for number in range(COUNT)
    ]  # fmt: skip


def labels(delay_days: float = 3.0) -> pa.Table:
    """Every fraud is reported so many days later."""
    frauds = np.flatnonzero(FRAUDS)
    times = START_MS + frauds * DAYS * DAY_MS // COUNT + int(delay_days * DAY_MS)
    return labels_of([f"t{number}" for number in frauds], times.tolist())


def test_the_better_model_shows_on_matured_payments_only(local_settings: Settings) -> None:
    # given a challenger that separates fraud well
    scored = scored_by_both(1.0)
    # when both are compared at the label delay of seven days
    report = compare_models(local_settings, scored, labels(), challenger_threshold=0.5)
    # then only what is older than that counts, at each model's own threshold
    assert (report.champion, report.challenger, report.scored) == ("1", "2", COUNT)
    newest = max(one.timestamp for one in scored) + 3 * DAY_MS
    assert report.matured == pytest.approx(COUNT * (DAYS + 3 - 7) / DAYS, rel=0.02)
    assert newest - 7 * DAY_MS > scored[report.matured - 2].timestamp
    assert report.evaluations is not None
    champion, challenger = report.evaluations
    assert challenger.average_precision.low > champion.average_precision.high
    assert challenger.recall.value == 1.0
    # and the gate would not promote it, because it raises three times as many alerts
    assert report.decision is not None
    assert not report.decision.promote
    assert "FRAUD_TRAINING__ALERT_FACTOR" in report.decision.reason


def test_the_gate_applies_the_rules_of_the_settings(local_settings: Settings) -> None:
    training = local_settings.training.model_copy(update={"alert_factor": 5.0})
    generous = local_settings.model_copy(update={"training": training})
    report = compare_models(generous, scored_by_both(1.0), labels(), challenger_threshold=0.5)
    assert report.decision is not None
    assert report.decision.promote
    assert "version 2 beats version 1" in report.decision.reason


def test_an_equal_challenger_is_not_promoted(local_settings: Settings) -> None:
    report = compare_models(local_settings, scored_by_both(0.3), labels(), challenger_threshold=0.5)
    assert report.decision is not None
    assert not report.decision.promote


def test_each_model_decides_at_its_own_threshold(local_settings: Settings) -> None:
    # given two models with the same scores
    same = [msgspec.structs.replace(one, challenger_score=one.score) for one in scored_by_both(1.0)]
    # when the challenger's threshold is the champion's, and when it is so high that it flags nothing
    equal = compare_models(local_settings, same, labels(), challenger_threshold=0.5)
    silent = compare_models(local_settings, same, labels(), challenger_threshold=2.0)
    # then
    assert equal.agreement == 1.0
    flagged = np.mean([one.score >= one.threshold for one in same])
    assert silent.agreement == pytest.approx(1 - flagged)
    assert (equal.challenger_threshold, silent.challenger_threshold) == (0.5, 2.0)
    assert silent.evaluations is not None
    assert silent.evaluations[1].recall.value == 0.0


def test_before_anything_has_matured_there_is_no_decision(local_settings: Settings) -> None:
    young = [one for one in scored_by_both(1.0) if one.timestamp < START_MS + 2 * DAY_MS]
    report = compare_models(local_settings, young, labels().slice(0, 0), challenger_threshold=0.5)
    assert (report.matured, report.evaluations, report.decision) == (0, None, None)


def test_the_newest_pair_of_versions_counts() -> None:
    # given a challenger that followed another, payments that none has scored, and one scored twice
    scored = scored_by_both(1.0)
    older, newer = scored[:100], [*scored_by_both(1.0, "3")[100:150]]
    alone = ShadowPrediction("x", "card0", START_MS, 1, 0.1, 0.5, "1")
    # when
    found = newest_pair([*newer, alone, *older, newer[0]])
    # then
    assert [one.transaction_id for one in found] == [one.transaction_id for one in newer]


@pytest.mark.broker
def test_without_a_challenger_the_error_names_the_alias(settings: Settings) -> None:
    with pytest.raises(DataError, match="alias `challenger`"):
        compare_shadow(settings, open_lake(settings), START_MS)

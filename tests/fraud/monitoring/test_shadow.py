"""The challenger beside the champion, on matured labels."""

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from fraud.errors import DataError
from fraud.features.spec import DAY_MS
from fraud.lake import open_lake
from fraud.monitoring.shadow import Shadowed, compare_in_shadow, judge, newest_pair
from fraud.settings import Settings
from tests.fraud.training.synthetic import START_MS, labels_of

COUNT, DAYS = 4_000, 20
FRAUDS = np.random.default_rng(1).random(COUNT) < 0.05


def scored_by_both(challenger_knows: float, version: str = "2") -> list[Shadowed]:
    """Payments of twenty days; the champion knows little of fraud, the challenger as much as said."""
    random = np.random.default_rng(2)
    guesses = random.random((2, COUNT))
    signals = np.where(FRAUDS, 0.5, 0.0) * np.array([[0.3], [challenger_knows]])
    champion, challenger = np.clip(guesses / 2 + signals, 0, 1)
    return [
        Shadowed(
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


def test_the_better_one_is_told_on_matured_payments_only(local_settings: Settings) -> None:
    # given a challenger that knows fraud when it sees it
    scored = scored_by_both(1.0)
    # when both are judged at the label delay of seven days
    report = judge(local_settings, scored, labels(), challenger_threshold=0.5)
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
    assert report.verdict is not None
    assert not report.verdict.promote
    assert "FRAUD_TRAINING__ALERT_FACTOR" in report.verdict.reason


def test_the_gate_judges_by_the_rules_of_the_settings(local_settings: Settings) -> None:
    training = local_settings.training.model_copy(update={"alert_factor": 5.0})
    generous = local_settings.model_copy(update={"training": training})
    report = judge(generous, scored_by_both(1.0), labels(), challenger_threshold=0.5)
    assert report.verdict is not None
    assert report.verdict.promote
    assert "version 2 beats version 1" in report.verdict.reason


def test_an_equal_challenger_is_not_promoted(local_settings: Settings) -> None:
    report = judge(local_settings, scored_by_both(0.3), labels(), challenger_threshold=0.5)
    assert report.verdict is not None
    assert not report.verdict.promote


def test_each_decides_at_its_own_threshold(local_settings: Settings) -> None:
    # given two models with the same scores
    same = [msgspec.structs.replace(one, challenger_score=one.score) for one in scored_by_both(1.0)]
    # when the challenger's threshold is the champion's, and when it is so high that it flags nothing
    alike = judge(local_settings, same, labels(), challenger_threshold=0.5)
    mute = judge(local_settings, same, labels(), challenger_threshold=2.0)
    # then
    assert alike.agreement == 1.0
    assert mute.agreement < 1.0
    assert mute.evaluations is not None
    assert mute.evaluations[1].recall.value == 0.0


def test_before_anything_has_matured_there_is_no_verdict(local_settings: Settings) -> None:
    young = [one for one in scored_by_both(1.0) if one.timestamp < START_MS + 2 * DAY_MS]
    report = judge(local_settings, young, labels().slice(0, 0), challenger_threshold=0.5)
    assert (report.matured, report.evaluations, report.verdict) == (0, None, None)


def test_the_newest_pair_of_versions_counts() -> None:
    # given a challenger that followed another, payments that none has scored, and one scored twice
    scored = scored_by_both(1.0)
    older, newer = scored[:100], [*scored_by_both(1.0, "3")[100:150]]
    alone = Shadowed("x", "card0", START_MS, 1, 0.1, 0.5, "1")
    # when
    found = newest_pair([*newer, alone, *older, newer[0]])
    # then
    assert [one.transaction_id for one in found] == [one.transaction_id for one in newer]


@pytest.mark.broker
def test_without_a_challenger_it_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(DataError, match="alias `challenger`"):
        compare_in_shadow(settings, open_lake(settings), START_MS)

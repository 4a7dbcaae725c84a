"""Promotion of a registered candidate: compare it with the champion, decide, move the alias."""

from dataclasses import replace

from fraud.errors import IncompatibleModelError
from fraud.evaluation.comparison.champion import Champion, find_champion
from fraud.evaluation.comparison.champion_scores import score_champion
from fraud.evaluation.comparison.rules import PromotionRules
from fraud.evaluation.gate import ComparedModel, PromotionDecision, decide, without_champion
from fraud.registry.aliases import CHALLENGER, CHAMPION, promote
from fraud.registry.bundle import ModelBundle, describe
from fraud.registry.descriptions import describe_decision
from fraud.registry.trust.thresholds import check_threshold
from fraud.registry.versions import record_decision, record_reason, tag_version, version_tags
from fraud.settings import Promotion, Settings
from fraud.training.dataset import Dataset
from fraud.training.splits import DAY, Split, TimeRange, milliseconds

__all__ = ["Promotion", "apply_decision", "decide_promotion", "load_champion", "promotion_mode"]

_COMPARED_UNTIL = "gate_compared_until"
_GATE = "the gate"
"""Who promotes, in the records of promotions that it decides."""


def load_champion(settings: Settings) -> ModelBundle | str:
    """The champion's bundle, or the reason why there is none to score with.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    champion = find_champion(settings)
    if champion is None:
        return "there is no champion yet"
    return champion.bundle or f"the champion cannot be loaded ({champion.fault})"


def promotion_mode(settings: Settings, asked: Promotion | None, *, alarm: bool) -> Promotion:
    """The promotion mode: as asked for, or that of the settings for what started the training."""
    training = settings.training
    return asked or (training.promote_on_alarm if alarm else training.promote)


def decide_promotion(
    settings: Settings, data: Dataset, split: Split, candidate: ModelBundle, promotion: Promotion = "auto"
) -> PromotionDecision:
    """Compare the candidate with the champion on test rows that neither was trained on, and decide.

    For a champion that cannot be loaded its logged predictions are compared. A candidate that flags every
    payment, or none, is never promoted.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    if promotion == "never":
        return PromotionDecision(False, "not promoted, because promotion was switched off for this run")
    try:
        check_threshold(settings, candidate)
    except IncompatibleModelError as error:
        return PromotionDecision(False, f"not promoted: {error}")
    if promotion == "always":
        return PromotionDecision(True, "promoted, because promotion was set to always for this run")
    champion = find_champion(settings)
    if champion is None:
        return without_champion("there is no champion yet", split.test.end)
    decision = _compare(settings, data, split, champion, candidate)
    if promotion == "challenger":
        return decision.as_challenger(promote_command(candidate))
    return _with_promote_command(decision, candidate) if _needs_a_person(decision) else decision


def apply_decision(settings: Settings, version: str, decision: PromotionDecision) -> None:
    """Move the alias as decided, and record the reason and the figures in the registry in any case.

    Where two people must promote, the gate is the first one: a person promotes the version, too.

    Raises:
        IncompatibleModelError: the registered artifact does not pass; the champion stays.
        UnreachableError: MLflow does not answer.
    """
    tag_version(settings, version, _tags(decision))
    record_decision(settings, version, decision.outcome, describe_decision(decision))
    if decision.promote:
        promote(settings, version, decision.reason, CHAMPION, _GATE)
    elif decision.challenger:
        promote(settings, version, decision.reason, CHALLENGER, _GATE)
    else:
        record_reason(settings, version, decision.reason)


def promote_command(candidate: ModelBundle) -> str:
    """The command that promotes the candidate, as a clause."""
    return f"a person promotes it with `fraud promote {candidate.version or 'VERSION'} --reason ...`"


def _tags(decision: PromotionDecision) -> dict[str, str]:
    tags = {f"gate_{name}": str(value) for name, value in decision.figures.items()}
    if decision.compared_until is not None:
        tags[_COMPARED_UNTIL] = str(decision.compared_until)
    return tags


def _compare(
    settings: Settings, data: Dataset, split: Split, champion: Champion, candidate: ModelBundle
) -> PromotionDecision:
    # Rows that the champion was trained on would favour it.
    start = min(max(split.test.start, champion.trained_until), split.test.end)
    scored = score_champion(settings, data, TimeRange(start, split.test.end), champion)
    if isinstance(scored, str):
        return PromotionDecision(
            False, f"kept version {champion.version}, which cannot be compared with: {scored}"
        )
    window, scored_champion = scored
    rows = candidate.select(settings.loaded_definitions, window.rows)
    decision = decide(
        window,
        scored_champion,
        ComparedModel(_name(candidate), candidate.score(rows), candidate.threshold),
        review_cost=settings.training.review_cost,
        rules=_rules(settings, champion, candidate, split),
        champion_scores="scored again" if champion.bundle else "logged scores",
        seed=settings.training.seed,
    )
    return replace(decision, compared_until=split.test.end if decision.comparison else None)


def _rules(settings: Settings, champion: Champion, candidate: ModelBundle, split: Split) -> PromotionRules:
    """For a champion that cannot serve or is too old, the aim is to lose nothing instead of to gain."""
    must_be_replaced = bool(champion.fault) or _is_stale(settings, champion, candidate)
    rules = PromotionRules.of(settings.training).with_aim("no loss" if must_be_replaced else "gain")
    return rules.with_new_days(_new_days(settings, split.test.end))


def _new_days(settings: Settings, end: int) -> float:
    """Days of test data up to `end` (ms) that no comparison used before; one where that is not known."""
    recorded = (tags.get(_COMPARED_UNTIL) for tags in version_tags(settings).values())
    used = [int(moment) for moment in recorded if moment]
    return max((end - max(used)) / milliseconds(DAY), 0.0) if used else 1.0


def _is_stale(settings: Settings, champion: Champion, candidate: ModelBundle) -> bool:
    limit = settings.training.refresh_after
    if limit is None or champion.metadata is None:
        return False
    return candidate.metadata.labels_as_of - champion.metadata.labels_as_of >= limit


def _needs_a_person(decision: PromotionDecision) -> bool:
    """Nothing was compared, or only the number of alerts or the confidence prevents the promotion."""
    found = decision.comparison
    if decision.promote or found is None:
        return not decision.promote
    return not found.is_worse and (found.is_better or found.rules.aim == "no loss")


def _with_promote_command(decision: PromotionDecision, candidate: ModelBundle) -> PromotionDecision:
    return replace(decision, reason=f"{decision.reason}; {promote_command(candidate)}")


def _name(bundle: ModelBundle) -> str:
    return describe(bundle) if bundle.version else "the candidate"

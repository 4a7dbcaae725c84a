"""The gate: whether a candidate replaces the champion, decided on rows that neither was trained on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

from fraud.evaluation.comparison.figures import ComparedModel, Comparison, ScoresFrom, compare
from fraud.evaluation.comparison.rules import LEAST_FRAUDS, PromotionRules
from fraud.evaluation.metrics import Estimate
from fraud.training.dataset import Dataset

__all__ = ["ComparedModel", "Comparison", "PromotionDecision", "decide", "without_champion"]

DEFAULT_RULES = PromotionRules()


@dataclass(frozen=True)
class PromotionDecision:
    """What becomes of a candidate, and why.

    Attributes:
        promote: the candidate becomes the champion.
        reason: one sentence.
        comparison: the numbers; None where nothing was compared.
        challenger: the candidate takes the alias `challenger`, for a person to decide.
        compared_until: end of the test days of the comparison, ms; None where it spent none.
    """

    promote: bool
    reason: str
    comparison: Comparison | None = None
    challenger: bool = False
    compared_until: int | None = None

    @property
    def outcome(self) -> str:
        """`promoted`, `challenger` or `not promoted`."""
        if self.promote:
            return "promoted"
        return "challenger" if self.challenger else "not promoted"

    @property
    def precision_gain(self) -> Estimate | None:
        """Gain in average precision, with its 95 % interval."""
        return self.comparison.precision.interval if self.comparison else None

    @property
    def figures(self) -> dict[str, float | str]:
        """The numbers by flat names; empty where nothing was compared."""
        return self.comparison.figures if self.comparison else {}

    def as_challenger(self, what_to_do: str) -> Self:
        """The same comparison, but a person decides."""
        gate = "the gate would promote it" if self.promote else "the gate would not promote it"
        return replace(
            self,
            promote=False,
            challenger=True,
            compared_until=None,
            reason=f"registered as challenger, {what_to_do}; {gate}: {self.reason}",
        )


def without_champion(why: str, compared_until: int | None = None) -> PromotionDecision:
    """The decision where there never was a champion."""
    return PromotionDecision(True, f"promoted as the first: {why}", compared_until=compared_until)


def decide(
    window: Dataset,
    champion: ComparedModel,
    candidate: ComparedModel,
    *,
    review_cost: int,
    rules: PromotionRules = DEFAULT_RULES,
    champion_scores: ScoresFrom = "scored again",
    draws: int = 250,
    seed: int = 0,
) -> PromotionDecision:
    """Compare both on the same rows.

    The candidate is promoted when its gain in average precision or in money saved is beyond noise with the
    confidence that `rules` ask for, it loses neither beyond noise, and the number of alerts at each model's
    own threshold stays within bounds. The same rows and seed give the same decision.
    """
    if window.frauds < LEAST_FRAUDS:
        return PromotionDecision(
            False,
            f"kept {champion.name}: the newest window holds {window.frauds} frauds, fewer than "
            f"the {LEAST_FRAUDS} needed to compare",
        )
    comparison = compare(window, champion, candidate, review_cost, rules, draws, seed)
    return conclude(champion, candidate, replace(comparison, champion_scores=champion_scores))


def conclude(champion: ComparedModel, candidate: ComparedModel, comparison: Comparison) -> PromotionDecision:
    """The decision that follows from the figures."""
    obstacles = list(_obstacles(comparison))
    if obstacles:
        why = f"kept {champion.name}: {candidate.name} {' and '.join(obstacles)}: {comparison}"
        return PromotionDecision(False, why, comparison)
    verb = "beats" if comparison.is_better else "loses nothing to"
    return PromotionDecision(
        True, f"{candidate.name} {verb} {champion.name} beyond noise: {comparison}", comparison
    )


def _obstacles(found: Comparison) -> Iterator[str]:
    """Why the candidate must not be promoted, as clauses that follow its name."""
    if found.is_better and found.is_worse:
        yield "is better in one and worse in the other"
    elif not found.is_better and found.rules.aim == "gain":
        yield "is not better beyond noise"
    elif not found.is_better and not found.is_no_loss:
        yield (
            "may lose more average precision than FRAUD_TRAINING__MAX_PRECISION_LOSS "
            f"({found.rules.max_precision_loss:g}) allows, or loses money beyond noise"
        )
    if not found.allows_alerts:
        yield (
            f"changes the alerts from {found.champion_alerts} to {found.candidate_alerts}, more than "
            f"FRAUD_TRAINING__ALERT_FACTOR ({found.rules.alert_factor:g}) allows"
        )

"""The gate: whether a candidate replaces the champion, decided on rows that neither has learnt from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fraud.modelling.dataset import Dataset
from fraud.modelling.evaluation import Estimate, Ranked, bootstrap_by_card, money_saved

Floats = npt.NDArray[np.float64]

LEAST_FRAUDS = 10
"""Fewer frauds in the window cannot tell two models apart."""


@dataclass(frozen=True)
class Verdict:
    """What the gate decided, and why in one sentence; differences are candidate minus champion."""

    promote: bool
    reason: str
    precision_gain: Estimate | None = None
    money_gain: Estimate | None = None


@dataclass(frozen=True)
class Contender:
    """A model's scores of the window's rows, shape (N,), and its own threshold."""

    name: str
    scores: Floats
    threshold: float


def without_champion(why: str) -> Verdict:
    """The verdict when nobody defends the title."""
    return Verdict(True, f"promoted without a contest: {why}")


def decide(
    window: Dataset,
    champion: Contender,
    candidate: Contender,
    *,
    review_cost: int,
    draws: int = 500,
    seed: int = 0,
) -> Verdict:
    """Compare both on the same rows by a paired bootstrap over cards.

    The candidate is promoted when the 95 % interval of its gain in average precision or in money saved lies
    above zero while the other does not lie below zero.
    """
    if window.frauds < LEAST_FRAUDS:
        return Verdict(
            False,
            f"kept {champion.name}: the newest window holds {window.frauds} frauds, fewer than "
            f"the {LEAST_FRAUDS} needed to compare",
        )
    old, new = (Ranked.of(window.labels, contender.scores) for contender in (champion, candidate))
    saved = _saved(window, candidate, review_cost) - _saved(window, champion, review_cost)
    gains = bootstrap_by_card(
        window.cards,
        {
            "precision": lambda w: new.average_precision(w) - old.average_precision(w),
            "money": lambda w: float(w @ saved),
        },
        draws=draws,
        seed=seed,
    )
    return _verdict(champion, candidate, gains["precision"], gains["money"])


def _verdict(champion: Contender, candidate: Contender, precision: Estimate, money: Estimate) -> Verdict:
    figures = (
        f"average precision {precision.value:+.3f} [{precision.low:+.3f}, {precision.high:+.3f}], "
        f"money saved {money.value:+.0f} [{money.low:+.0f}, {money.high:+.0f}] minor units"
    )
    better = precision.low > 0 or money.low > 0
    worse = precision.high < 0 or money.high < 0
    if better and not worse:
        return Verdict(
            True, f"{candidate.name} beats {champion.name} beyond noise: {figures}", precision, money
        )
    why = "is better in one and worse in the other" if better else "is not better beyond noise"
    return Verdict(False, f"kept {champion.name}: {candidate.name} {why}: {figures}", precision, money)


def _saved(window: Dataset, contender: Contender, review_cost: int) -> Floats:
    return money_saved(window, contender.scores, contender.threshold, review_cost)

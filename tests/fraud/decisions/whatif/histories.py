"""Made-up histories of scored payments for the tests of what-ifs."""

from dataclasses import replace
from typing import Any

import numpy as np

from fraud.decisions.decided import Decided
from fraud.decisions.outcomes import APPROVE
from fraud.decisions.policy import Band, Policy, PolicyList, Rule, Segment
from fraud.decisions.whatif.history import ScoredHistory
from fraud.decisions.whatif.labels import KnownLabels
from fraud.decisions.whatif.logged import LoggedDecisions
from fraud.definitions.features import DAY_MS

START_MS = 19_700 * DAY_MS


def policy(**changes: Any) -> Policy:
    """Two lists, three rules and one segment."""
    made = Policy(
        name="tried",
        lists=(PolicyList("trusted", "card_id", "approve"), PolicyList("blocked", "card_id", "decline")),
        rules=(
            Rule("first", "amount > 1", "decline"),
            Rule("second", "amount > 2", "review"),
            Rule("third", "amount > 3", "challenge", mode="shadow"),
        ),
        segments=(Segment("default", None, "probability", (Band("review", 0.5), Band("decline", 0.9))),),
        review_capacity=None,
        control_share=0.0,
        sample_share=0.0,
        most_declined=0.05,
        digest="0123456789abcdef",
        text="",
    )
    return replace(made, **changes)


def history(count: int, seed: int = 1, **changes: Any) -> ScoredHistory:
    """Payments of three days and few cards, a fifth of them fraud, some not matured."""
    random = np.random.default_rng(seed)
    scores = random.random(count)
    codes = random.choice(4, count, p=[0.7, 0.1, 0.1, 0.1]).astype(np.uint8)
    logged = LoggedDecisions(
        keys=np.arange(count, dtype=np.uint64),
        timestamps=START_MS + np.sort(random.integers(0, 3 * DAY_MS, count)),
        scores=scores,
        thresholds=np.full(count, 0.5),
        outcomes=codes,
        would_be=codes,
        control=np.zeros(count, dtype=np.bool_),
        by_list=np.zeros(count, dtype=np.bool_),
    )
    labels = KnownLabels(
        is_fraud=random.random(count) < 0.2,
        matured=np.ones(count, dtype=np.bool_),
        unobserved=np.zeros(count, dtype=np.bool_),
        weights=(random.random(count) < 0.8).astype(np.float64),
        represented=0,
    )
    made = ScoredHistory(
        logged=logged,
        labels=labels,
        cards=random.integers(0, max(count // 4, 1), count),
        amounts=random.integers(1, 50_000, count),
        currency="EUR",
        digits=np.full(count, 2),
    )
    return replace(made, **changes)


def decided(count: int, seed: int = 2) -> Decided:
    """Decisions of `policy()` that agree with its order: lists, rules, bands."""
    random = np.random.default_rng(seed)
    hits, fired = random.random((count, 2)) < 0.05, random.random((count, 3)) < 0.1
    shadow = np.zeros((count, 3), dtype=np.bool_)
    shadow[:, 2], fired[:, 2] = fired[:, 2], False
    scores = random.random(count)
    applies = np.hstack([hits, fired])
    decided_by = np.where(applies.any(axis=1), applies.argmax(axis=1), -1).astype(np.int16)
    bands = np.select([scores >= 0.9, scores >= 0.5], [3, 2], APPROVE)
    would_be = np.select([decided_by == number for number in range(4)], [0, 3, 3, 2], bands).astype(np.uint8)
    return Decided(
        outcomes=would_be,
        segments=np.zeros(count, dtype=np.uint8),
        fired=fired,
        shadow_fired=shadow,
        failed=np.zeros((count, 3), dtype=np.bool_),
        list_hits=hits,
        decided_by=decided_by,
        control=np.zeros(count, dtype=np.bool_),
        would_be=would_be,
        sampled=np.zeros(count, dtype=np.bool_),
    )


def band_outcomes(count: int, seed: int = 2) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """What the bands alone give the payments of `decided`."""
    random = np.random.default_rng(seed)
    random.random((count, 2)), random.random((count, 3))
    scores = random.random(count)
    return np.select([scores >= 0.9, scores >= 0.5], [3, 2], APPROVE).astype(np.uint8)

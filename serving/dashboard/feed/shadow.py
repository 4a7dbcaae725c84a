"""How often a challenger in shadow decides like the champion, each at its own threshold."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable
from typing import Any

SCORE_BINS = 10_000
"""A prediction does not carry the challenger's threshold, so its scores are counted in bins of 0.0001."""

_MAX_PAIRS = 20
_PAIRS = """
SELECT model_version, challenger_version, sum(scored) AS scored, total(difference) AS difference
FROM shadow_scores GROUP BY model_version, challenger_version ORDER BY scored DESC LIMIT ?
"""
_DECISIONS = """
SELECT flagged, bin >= ? AS challenger_flagged, sum(scored) AS scored FROM shadow_scores
WHERE model_version = ? AND challenger_version = ? GROUP BY 1, 2
"""
_UNKNOWN: dict[str, Any] = {"both": None, "champion_only": None, "challenger_only": None, "agreement": None}


def score_bin(score: float) -> int:
    """The bin of a score in [0, 1]."""
    return min(int(score * SCORE_BINS), SCORE_BINS - 1)


def shadow_agreement(
    connection: sqlite3.Connection, threshold_of: Callable[[str], float | None]
) -> list[dict[str, Any]]:
    """Decisions of champions and challengers on the same payments; the most frequent pairs first.

    Args:
        connection: to the store.
        threshold_of: gives the threshold of a version, or None if it is not known.

    Returns:
        For each pair of versions: `scored` payments, `difference` (sum of absolute differences of scores),
        payments flagged by `both`, `champion_only` and `challenger_only`, and `agreement` (share of equal
        decisions); the last four are None while `challenger_threshold` is.
    """
    pairs = connection.execute(_PAIRS, (_MAX_PAIRS,)).fetchall()
    return [_agreement(connection, pair, threshold_of(pair["challenger_version"])) for pair in pairs]


def _agreement(connection: sqlite3.Connection, pair: sqlite3.Row, threshold: float | None) -> dict[str, Any]:
    figures = dict(pair) | {"challenger_threshold": threshold}
    if threshold is None:
        return figures | _UNKNOWN
    key = (score_bin(threshold), pair["model_version"], pair["challenger_version"])
    counts: dict[tuple[int, int], int] = defaultdict(int)
    for row in connection.execute(_DECISIONS, key):
        counts[row["flagged"], row["challenger_flagged"]] = row["scored"]
    return figures | {
        "both": counts[1, 1],
        "champion_only": counts[1, 0],
        "challenger_only": counts[0, 1],
        "agreement": (counts[1, 1] + counts[0, 0]) / pair["scored"],
    }

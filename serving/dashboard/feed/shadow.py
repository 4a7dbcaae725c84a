"""How often a challenger in shadow decides like the champion, each at its own threshold."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from sqlalchemy import BigInteger, Connection, RowMapping, bindparam, case, cast, func, select, text

from serving.dashboard.feed.tables import shadow_scores

SCORE_BINS = 10_000
"""A prediction does not carry the challenger's threshold, so its scores are counted in bins of 0.0001."""

_MAX_PAIRS = 20
_TABLE = shadow_scores.c
_SCORED = cast(func.sum(_TABLE.scored), BigInteger).label("scored")
_PAIRS = (
    select(
        _TABLE.model_version,
        _TABLE.challenger_version,
        _SCORED,
        func.coalesce(func.sum(_TABLE.difference), 0.0).label("difference"),
    )
    .group_by(_TABLE.model_version, _TABLE.challenger_version)
    .order_by(_SCORED.desc())
    .limit(_MAX_PAIRS)
)
_REACHES = case((_TABLE.bin >= bindparam("threshold_bin"), 1), else_=0).label("challenger_flagged")
_DECISIONS = (
    select(_TABLE.flagged, _REACHES, _SCORED)
    .where(
        _TABLE.model_version == bindparam("champion"), _TABLE.challenger_version == bindparam("challenger")
    )
    .group_by(_TABLE.flagged, text("challenger_flagged"))
)
_UNKNOWN: dict[str, Any] = {"both": None, "champion_only": None, "challenger_only": None, "agreement": None}


def score_bin(score: float) -> int:
    """The bin of a score in [0, 1]."""
    return min(int(score * SCORE_BINS), SCORE_BINS - 1)


def shadow_agreement(
    connection: Connection, threshold_of: Callable[[str], float | None]
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
    pairs = connection.execute(_PAIRS).mappings().all()
    return [_agreement(connection, pair, threshold_of(pair["challenger_version"])) for pair in pairs]


def _agreement(connection: Connection, pair: RowMapping, threshold: float | None) -> dict[str, Any]:
    figures = dict(pair) | {"challenger_threshold": threshold}
    if threshold is None:
        return figures | _UNKNOWN
    wanted = {
        "threshold_bin": score_bin(threshold),
        "champion": pair["model_version"],
        "challenger": pair["challenger_version"],
    }
    counts: dict[tuple[int, int], int] = defaultdict(int)
    for row in connection.execute(_DECISIONS, wanted).mappings():
        counts[row["flagged"], row["challenger_flagged"]] = row["scored"]
    return figures | {
        "both": counts[1, 1],
        "champion_only": counts[1, 0],
        "challenger_only": counts[0, 1],
        "agreement": (counts[1, 1] + counts[0, 0]) / pair["scored"],
    }

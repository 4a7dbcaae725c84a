"""The profiles of all keys at one moment."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from fraud.definitions.definitions import Definitions
from fraud.definitions.features import DAY_MS
from fraud.ingest.commits import day_of
from fraud.lake import Lake
from fraud.preprocess.field_profiles import field_histories
from fraud.preprocess.plan import LakeIndex
from fraud.profiles.history import NEVER
from fraud.profiles.layout import Quantity, profile_columns
from fraud.settings import LabelSettings

Ints = npt.NDArray[np.int64]

_LIVE_MS = DAY_MS
"""A stream whose newest payment is older is a history, of which nothing is expected to follow until now."""


@dataclass(frozen=True)
class KeyFigures:
    """What profiles of one field hold.

    Attributes:
        keys: as `Events.values` has the field, ascending, (n,).
        figures: in the order of `profile_columns`, (n, C).
    """

    keys: Ints
    figures: Ints


def newest_moment(definitions: Definitions, index: LakeIndex, now_ms: int) -> int:
    """The newest moment that all payments before it have reached, in periods since 1970.

    Of a history that ended long ago it is the one after the last payment, not today's.
    """
    every_ms = definitions.profile_every_ms
    is_live = now_ms - index.newest_ms < _LIVE_MS
    return now_ms // every_ms if is_live else min(now_ms // every_ms, index.newest_ms // every_ms + 1)


def figures_at(
    definitions: Definitions,
    lake: Lake,
    moment: int,
    rules: LabelSettings,
    index: LakeIndex | None = None,
) -> dict[str, KeyFigures]:
    """The profiles of all keys of each field at a moment; a key of which nothing is known has none.

    `index` is that of the lake's transactions, if it was read.

    Raises:
        DataError: a file of the lake is missing or broken.
    """
    day = _day_before(moment * definitions.profile_every_ms)
    found = {}
    for field, history in field_histories(lake, definitions, day, day, rules, index=index).items():
        figures = history.at(history.keys, np.full(len(history.keys), moment))
        some = (figures != empty_figures(definitions, field)).any(axis=1)
        found[field] = KeyFigures(history.keys[some], figures[some])
    return found


def empty_figures(definitions: Definitions, field: str) -> Ints:
    """The figures of a key of which nothing is known, (C,)."""
    columns = profile_columns(definitions, field)
    return np.array([NEVER if one.quantity is Quantity.FIRST else 0 for one in columns], dtype=np.int64)


def _day_before(moment_ms: int) -> date:
    """The day of the last payment before a moment."""
    return day_of(moment_ms) - timedelta(days=moment_ms % DAY_MS == 0)

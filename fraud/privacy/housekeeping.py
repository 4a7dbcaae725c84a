"""What the pipeline does for forgotten cards after each run."""

import time
from dataclasses import dataclass

from fraud.definitions.features import DAY_MS
from fraud.lake import Lake
from fraud.privacy.forgotten import read_forgotten, remove_expired
from fraud.privacy.lake import forget_again
from fraud.settings import Settings

_STILL_WRITTEN_MS = 2 * DAY_MS
"""No run lasts longer; a file that it wrote while a card was being forgotten may have the card."""


@dataclass(frozen=True)
class FinishedForgetting:
    """How many rows of cards that were forgotten lately were still there, and how many entries are over."""

    rows: int
    expired: int


def finish_forgetting(settings: Settings, lake: Lake, now: int | None = None) -> FinishedForgetting:
    """Remove what runs wrote of cards while these were forgotten; drop entries that nothing needs any more.

    Raises:
        DataError: a file of the lake is broken.
        UnreachableError: Kafka does not answer.
    """
    moment = time.time_ns() // 1_000_000 if now is None else now
    lately = read_forgotten(settings, moment).since(moment - _STILL_WRITTEN_MS)
    return FinishedForgetting(forget_again(lake, lately), remove_expired(settings, moment))

"""The event that other systems read."""

from typing import Literal

import msgspec


class ReviewEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A review of a flagged payment; a repetition has the same `id`. `at` is in ms UTC.

    `note` is None where the analyst wrote none, and `source` the program that the review was made with.
    """

    id: str
    transaction_id: str
    card_id: str
    outcome: Literal["fraud", "legitimate", "unsure"]
    analyst: str
    at: int
    source: Literal["dashboard"]
    note: str | None = None

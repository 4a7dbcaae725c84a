"""What forgetting a card did in one store."""

from dataclasses import dataclass


@dataclass(frozen=True)
class StoreResult:
    """One line of the report.

    Attributes:
        store: what people call it, such as "lake: transactions".
        removed: rows, entries or places in texts that named the card.
        kept: what is still there, until when and why; empty if nothing is.
    """

    store: str
    removed: int
    kept: str = ""

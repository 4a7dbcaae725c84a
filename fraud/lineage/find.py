"""Look up a transaction's prediction on the predictions topic."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import zip_longest

import msgspec

from fraud.cards.masking import mask_text
from fraud.errors import FraudError
from fraud.kafka.log import PartitionLog
from fraud.kafka.permission_checks import require_topic
from fraud.messages.decoding import MessageReader
from fraud.schema import Prediction
from fraud.settings import Settings

SCAN_OFFSETS = 100_000
"""Offsets of a partition that are searched at a time, newest first."""


class NoPredictionError(FraudError):
    """The topic holds no prediction on the transaction."""


class AmbiguousIdError(FraudError):
    """Payments of several cards have the id."""


def find_prediction(settings: Settings, transaction_id: str, card_id: str | None = None) -> Prediction:
    """Find the prediction on a transaction, the newest if there are several.

    Args:
        settings: broker and topic.
        transaction_id: the transaction's id.
        card_id: the transaction's card. Payments of several cards may have the same id. Card numbers in both
            are looked for under their pseudonyms.

    Raises:
        NoPredictionError: the topic has none.
        AmbiguousIdError: no card is given, and payments of several cards have the id.
        UnreachableError: no broker answers, or there is no such topic.
    """
    topic, names = settings.topics.predictions, settings.card_rule.lookups
    ids, cards = names(transaction_id), None if card_id is None else names(card_id)
    with ExitStack() as stack:
        logs = [
            stack.enter_context(PartitionLog(settings, topic, partition))
            for partition in range(require_topic(settings, topic))
        ]
        for spans in zip_longest(*(_newest_first(*log.bounds()) for log in logs)):
            found = [
                one
                for log, span in zip(logs, spans, strict=True)
                if span is not None
                for one in _search(log, span, ids, cards)
            ]
            if found:
                return _newest(found)
    raise NoPredictionError(
        f"{topic} holds no prediction on transaction {mask_text(transaction_id)!r}: it was not scored yet, "
        f"was refused (see {settings.topics.dead_letters}), or is older than the topic's retention; check "
        "the identifier"
    )


def _newest_first(low: int, high: int) -> Iterator[tuple[int, int]]:
    for end in range(high, low, -SCAN_OFFSETS):
        yield max(low, end - SCAN_OFFSETS), end


def _newest(found: list[Prediction]) -> Prediction:
    """The newest of the predictions on one payment."""
    cards = {one.card_id for one in found}
    if len(cards) > 1:
        raise AmbiguousIdError(
            f"transaction {found[0].transaction_id!r} was scored on {len(cards)} cards: its id was used for "
            "several payments; name the card with --card"
        )
    return max(reversed(found), key=lambda one: one.scored_at)


def _search(
    log: PartitionLog, span: tuple[int, int], ids: Sequence[str], cards: Sequence[str] | None
) -> list[Prediction]:
    # Searching for the texts first avoids decoding every message.
    texts = [msgspec.json.encode(one) for one in ids]
    reader = MessageReader(Prediction)
    candidates = [
        one
        for batch in log.read(*span)
        for one in batch
        if any(text in (one.value() or b"") for text in texts)
    ]
    found = filter(None, map(reader.read, candidates))
    return [one for one in found if one.transaction_id in ids and (cards is None or one.card_id in cards)]

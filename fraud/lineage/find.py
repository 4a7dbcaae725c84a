"""Look up a transaction's prediction on the predictions topic."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import zip_longest

import msgspec

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
        card_id: the transaction's card. Payments of several cards may have the same id.

    Raises:
        NoPredictionError: the topic has none.
        AmbiguousIdError: no card is given, and payments of several cards have the id.
        UnreachableError: no broker answers, or there is no such topic.
    """
    topic = settings.topics.predictions
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
                for one in _search(log, span, transaction_id, card_id)
            ]
            if found:
                return _newest(found)
    raise NoPredictionError(
        f"{topic} holds no prediction on transaction {transaction_id!r}: it was not scored yet, was refused "
        f"(see {settings.topics.dead_letters}), or is older than the topic's retention; check the identifier"
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
    log: PartitionLog, span: tuple[int, int], transaction_id: str, card_id: str | None
) -> list[Prediction]:
    # Searching for the text first avoids decoding every message.
    text = msgspec.json.encode(transaction_id)
    reader = MessageReader(Prediction)
    candidates = [one for batch in log.read(*span) for one in batch if text in (one.value() or b"")]
    found = filter(None, map(reader.read, candidates))
    return [one for one in found if one.transaction_id == transaction_id and card_id in (None, one.card_id)]

"""A transaction's prediction, looked up on its topic."""

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

SPAN = 100_000
"""Offsets that are searched at a time; the newest first, for those are asked about most."""


class NoPredictionError(FraudError):
    """The topic holds no prediction on the transaction."""


class AmbiguousIdError(FraudError):
    """The id was used for payments of several cards."""


def find_prediction(settings: Settings, transaction_id: str, card_id: str | None = None) -> Prediction:
    """The prediction on a transaction, the newest if there are several.

    Args:
        settings: of the topic.
        transaction_id: its id.
        card_id: its card; partitions, and months, may have used one id for payments of several cards.

    Raises:
        NoPredictionError: there is none.
        AmbiguousIdError: no card is given and those found are of several.
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
                for one in _within(log, span, transaction_id, card_id)
            ]
            if found:
                return _only(found)
    raise NoPredictionError(
        f"{topic} holds no prediction on transaction {transaction_id!r}: it was not scored yet, was refused "
        f"(see {settings.topics.dead_letters}), or is older than the topic's retention; check the identifier"
    )


def _newest_first(low: int, high: int) -> Iterator[tuple[int, int]]:
    for end in range(high, low, -SPAN):
        yield max(low, end - SPAN), end


def _only(found: list[Prediction]) -> Prediction:
    """The newest of the predictions on one payment."""
    cards = {one.card_id for one in found}
    if len(cards) > 1:
        raise AmbiguousIdError(
            f"transaction {found[0].transaction_id!r} was scored on {len(cards)} cards: its id was used for "
            "several payments; name the card with --card"
        )
    return max(reversed(found), key=lambda one: one.scored_at)


def _within(
    log: PartitionLog, span: tuple[int, int], transaction_id: str, card_id: str | None
) -> list[Prediction]:
    # To look for the text first spares decoding a hundred thousand others.
    text = msgspec.json.encode(transaction_id)
    reader = MessageReader(Prediction)
    mentioning = [one for batch in log.read(*span) for one in batch if text in (one.value() or b"")]
    found = filter(None, map(reader.read, mentioning))
    return [one for one in found if one.transaction_id == transaction_id and card_id in (None, one.card_id)]

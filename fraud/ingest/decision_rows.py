"""Predictions to rows of the lake's decisions: those whose outcome was changed, or that analysts are given.

A payment that was approved as any other leaves no row, so that the table stays small.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import pyarrow as pa
from confluent_kafka import Message

from fraud.cards.rule import CardRule
from fraud.decisions.outcomes import Outcome
from fraud.ingest.rows import POSITION_ARROW, RejectedMessage, batch_of, position_of, rejected_message
from fraud.messages.decoding import Decoder, MessageError
from fraud.schema import Identifier, Millis, Probability


class StoredDecision(msgspec.Struct, frozen=True, gc=False):
    """The fields of a `Prediction` that the lake keeps."""

    transaction_id: Identifier
    card_id: Identifier
    timestamp: Millis
    score: Probability
    decision: Outcome
    would_be: Outcome | None = None
    control_share: Probability | None = None
    is_sample: bool = False
    policy: str | None = None

    @property
    def is_kept(self) -> bool:
        """Not approved, or only as part of the control group, or a sample for analysts."""
        return (self.would_be or self.decision) != "approve" or self.is_sample


_DECISION, _WOULD_BE, _IS_SAMPLE = b'"decision":', b'"would_be":', b'"is_sample":'
_APPROVED = _DECISION + b'"approve"'

DECISION_ARROW = pa.schema(
    [
        *POSITION_ARROW,
        pa.field("transaction_id", pa.string(), nullable=False),
        pa.field("card_id", pa.string(), nullable=False),
        pa.field("timestamp", pa.int64(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("decision", pa.string(), nullable=False),
        pa.field("would_be", pa.string()),
        pa.field("control_share", pa.float64()),
        pa.field("is_sample", pa.bool_(), nullable=False),
        pa.field("policy", pa.string()),
    ]
)


@dataclass
class DecisionRowReader:
    """Reads the predictions of one partition, and keeps those that `StoredDecision.is_kept` names."""

    max_event_time: int = 0
    schema: pa.Schema = field(default=DECISION_ARROW, repr=False)
    state: Sequence[int] = ()
    cards: CardRule = field(default_factory=CardRule)
    _decoder: Decoder[StoredDecision] = field(default_factory=lambda: Decoder(StoredDecision), repr=False)

    def read(self, messages: Sequence[Message]) -> tuple[pa.RecordBatch, list[RejectedMessage]]:
        """The rows of the decisions that are kept, and messages that are no predictions."""
        rows: list[tuple[object, ...]] = []
        rejected: list[RejectedMessage] = []
        for message in messages:
            if _is_plain_approval(message.value()):
                continue
            try:
                one = self._decoder.decode(message.value())
            except MessageError as error:
                rejected.append(rejected_message(message, str(error), self.cards))
                continue
            self.max_event_time = max(self.max_event_time, one.timestamp)
            if one.is_kept:
                rows.append((*position_of(message), *msgspec.structs.astuple(one)))
        return batch_of(rows, self.schema), rejected


def _is_plain_approval(value: bytes | None) -> bool:
    """Whether a prediction, as serving writes it, leaves no row: nearly all do, and decoding costs most.

    A field of a payment may be called `decision`, too: then the message is decoded.
    """
    return (
        value is not None
        and _APPROVED in value
        and value.count(_DECISION) == 1
        and _WOULD_BE not in value
        and _IS_SAMPLE not in value
    )

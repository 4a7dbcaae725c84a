"""Messages to rows: admitted ones as Arrow columns, the others with the reason of their refusal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec
import pyarrow as pa
from confluent_kafka import Message

from fraud.cards.rule import CardRule
from fraud.features.events import encode_transactions
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.messages.card_numbers import replace_in_label
from fraud.messages.dead_letters import DeadLetter, dead_letter
from fraud.messages.decoding import Decoder, MessageError
from fraud.messages.formats.payloads import JSON_PAYLOADS, Payloads, require_json
from fraud.native.id_index import CONFLICT, CONFLICT_REASON, IdIndex
from fraud.schema import LABEL_ARROW, Label, transaction_arrow

POSITION_ARROW = (
    pa.field("partition", pa.int32(), nullable=False),
    pa.field("offset", pa.int64(), nullable=False),
    pa.field("kafka_timestamp", pa.int64(), nullable=False),
)
"""What leads every row."""

REJECTED_ARROW = pa.schema(
    [
        *POSITION_ARROW,
        pa.field("reason", pa.string(), nullable=False),
        pa.field("value", pa.binary()),
    ]
)

_POSITION_FIELDS = 3  # partition, offset, kafka_timestamp lead every row
_LABEL_FIELDS = tuple(field.name for field in msgspec.structs.fields(Label))


@dataclass(frozen=True)
class RejectedMessage:
    """A message that is refused: its bytes, with card numbers masked, and the reason."""

    partition: int
    offset: int
    kafka_timestamp: int
    reason: str
    value: bytes | None
    letter: DeadLetter = field(repr=False)


class PartitionReader(Protocol):
    """Turns one partition's messages, in order, into rows of `schema`."""

    schema: pa.Schema

    @property
    def max_event_time(self) -> int:
        """The partition's largest event time (ms), for its next run."""

    @property
    def state(self) -> Sequence[int]:
        """The state with which the next run continues."""

    def read(self, messages: Sequence[Message]) -> tuple[pa.RecordBatch, list[RejectedMessage]]:
        """The rows of admitted messages, and the messages that are refused."""


@dataclass
class TransactionRowReader:
    """Reads transactions that admission admits and whose id no other payment has taken."""

    admission: AdmissionFilter
    ids: IdIndex = field(default_factory=IdIndex, repr=False)
    payloads: Payloads = field(default=JSON_PAYLOADS, repr=False)

    schema: pa.Schema = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.schema = transaction_arrow(self.admission.definitions)

    @property
    def max_event_time(self) -> int:
        """The partition's clock, in ms."""
        return self.admission.max_event_time

    @property
    def state(self) -> Sequence[int]:
        """Of the partition's `AdmissionFilter`."""
        return self.admission.state

    def read(self, messages: Sequence[Message]) -> tuple[pa.RecordBatch, list[RejectedMessage]]:
        """The admitted transactions, amounts in minor units; serving sends dead letters of refused ones.

        Raises:
            UnreachableError: the schema registry does not answer.
        """
        admitted: list[tuple[Message, Admitted]] = []
        rejected: list[RejectedMessage] = []
        low_watermark = self.admission.low_watermark
        values = require_json(self.payloads, [message.value() for message in messages])
        for message, value in zip(messages, values, strict=True):
            key = message.key() if self.admission.needs_keys else None
            result = self.admission.validate(value, message.timestamp()[1], key)
            if isinstance(result, Admitted):
                admitted.append((message, result))
            else:
                rejected.append(rejected_message(message, result.reason, self.admission.cards))
        rows, conflicts = self._without_conflicts(admitted, low_watermark)
        if conflicts:
            rejected = sorted([*rejected, *conflicts], key=lambda one: one.offset)
        return batch_of(rows, self.schema), rejected

    def _without_conflicts(
        self, admitted: Sequence[tuple[Message, Admitted]], low_watermark: int
    ) -> tuple[list[tuple[object, ...]], list[RejectedMessage]]:
        """The rows of payments and of their repetitions, and messages with the id of another payment."""
        events = encode_transactions(self.admission.definitions, [one for _, one in admitted])
        outcomes = self.ids.process(events.heads, low_watermark)
        rows: list[tuple[object, ...]] = []
        conflicts: list[RejectedMessage] = []
        for (message, one), outcome in zip(admitted, outcomes.tolist(), strict=True):
            if outcome == CONFLICT:
                conflicts.append(self._conflict(message, one))
            else:
                rows.append((*position_of(message), *one.values))
        return rows, conflicts

    def _conflict(self, message: Message, admitted: Admitted) -> RejectedMessage:
        """The message as it takes its id: with pseudonyms where it had card numbers."""
        found = rejected_message(message, CONFLICT_REASON, self.admission.cards)
        if found.value == message.value():
            return found
        return replace(found, value=msgspec.json.encode(admitted.transaction))


@dataclass
class LabelRowReader:
    """Reads well-formed labels, unless `refusal_reason` gives a reason to refuse one.

    Rules that need other data, such as whether there is such a payment, are applied where labels are used.
    """

    max_event_time: int = 0
    refusal_reason: Callable[[Label, Message], str | None] = lambda label, message: None
    schema: pa.Schema = field(default=LABEL_ARROW, repr=False)
    state: Sequence[int] = ()
    cards: CardRule = field(default_factory=CardRule)
    _decoder: Decoder[Label] = field(default_factory=lambda: Decoder(Label), repr=False)

    def read(self, messages: Sequence[Message]) -> tuple[pa.RecordBatch, list[RejectedMessage]]:
        """The rows of labels, and the messages that are refused."""
        rows: list[tuple[object, ...]] = []
        rejected: list[RejectedMessage] = []
        for message in messages:
            try:
                label = replace_in_label(self.cards, self._decoder.decode(message.value()))
                reason = self.refusal_reason(label, message)
            except MessageError as error:
                reason = str(error)
            if reason is None:
                rows.append((*position_of(message), *msgspec.structs.astuple(label)))
            else:
                rejected.append(rejected_message(message, reason, self.cards))
        return batch_of(rows, self.schema), rejected


def rejected_table(rejected: Sequence[RejectedMessage]) -> pa.Table:
    """The rejected messages as a table of `REJECTED_ARROW`."""
    rows = [{name: getattr(one, name) for name in REJECTED_ARROW.names} for one in rejected]
    return pa.Table.from_pylist(rows, REJECTED_ARROW)


def position_of(message: Message) -> tuple[int, int, int]:
    """Partition, offset and Kafka's time of a message, as in `POSITION_ARROW`."""
    return message.partition(), message.offset(), message.timestamp()[1]


def rejected_message(message: Message, reason: str, cards: CardRule) -> RejectedMessage:
    """A message that is refused for `reason`."""
    letter = dead_letter(message, reason, cards)
    return RejectedMessage(*position_of(message), reason, letter.value, letter)


def batch_of(rows: list[tuple[object, ...]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows of values in the order of `schema` as columns."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)

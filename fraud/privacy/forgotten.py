"""Cards that were forgotten, on a compacted topic: what Kafka still holds of them is not stored again.

Kafka cannot delete by key, so a new lake, a later ingest or a new dashboard would bring the card back. They
read this topic and leave its payments, decisions and labels out until the log holds none of before. The
topic has digests: ids can be tried out against them, as against any hash, but not read.
"""

import hashlib
import logging
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from fraud.errors import MissingTopicError
from fraud.kafka.log import read_ordered
from fraud.kafka.permission_checks import require_topic
from fraud.kafka.sending import Record, send_records
from fraud.messages.decoding import Decoder, MessageError
from fraud.schema import Millis
from fraud.settings import Settings

log = logging.getLogger(__name__)
_DOMAIN = b"fraud forgotten card\0"
_DIGEST_BYTES = 16
_CANDIDATE = re.compile(rb'"((?:[^"\\]|\\.){1,400})"|([\w.:+/=-]{1,64})')
"""What may be an id in a message: a JSON string, or a word."""


class ForgottenCard(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a card was forgotten.

    Attributes:
        at: the moment, ms.
        until: the moment (ms) from which on Kafka holds no message of before; None: a topic keeps messages
            indefinitely.
    """

    at: Millis
    until: Millis | None = None

    def counts_at(self, now: int) -> bool:
        """Whether messages of the card may still be on the log."""
        return self.until is None or now < self.until


@dataclass(frozen=True)
class ForgottenCards:
    """The cards that count as forgotten, by `card_digest`."""

    by_digest: Mapping[str, ForgottenCard] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by_digest)

    def has(self, card_id: str) -> bool:
        """Whether the card is one of them."""
        return bool(self.by_digest) and card_digest(card_id) in self.by_digest

    def is_named_in(self, content: bytes) -> bool:
        """Whether a JSON message or a text names one of them; formats that are binary may hide an id."""
        return bool(self.by_digest) and any(map(self.has, _candidates(content)))

    def since(self, moment: int) -> "ForgottenCards":
        """Those that were forgotten at or after a moment (ms)."""
        return ForgottenCards({key: one for key, one in self.by_digest.items() if one.at >= moment})

    def without(self, rows: pa.RecordBatch | pa.Table) -> pa.RecordBatch | pa.Table:
        """The rows whose `card_id` is none of them."""
        if not self.by_digest:
            return rows
        cards = [one for one in pc.unique(rows["card_id"]).to_pylist() if self.has(one)]
        named = pa.array(cards, pa.string())
        return rows.filter(pc.invert(pc.is_in(rows["card_id"], value_set=named))) if cards else rows


def card_digest(card_id: str) -> str:
    """The key of a card on the topic: 32 hexadecimal digits."""
    return hashlib.sha256(_DOMAIN + card_id.encode()).hexdigest()[: 2 * _DIGEST_BYTES]


def read_forgotten(settings: Settings, now: int | None = None) -> ForgottenCards:
    """The cards that count as forgotten at `now` (ms, default: the clock); without a topic none.

    Raises:
        DataError: the topic has several partitions.
        RefusedError: we may not read the topic.
        UnreachableError: Kafka is silent or refuses.
    """
    moment = time.time_ns() // 1_000_000 if now is None else now
    return ForgottenCards({key: one for key, one in _read(settings).items() if one.counts_at(moment)})


def publish_forgotten(settings: Settings, card_ids: Iterable[str], card: ForgottenCard) -> None:
    """Say that a card is forgotten, by all its ids.

    Raises:
        RefusedError: we may not write the topic.
        UnreachableError: Kafka does not answer, or the topic is missing.
    """
    topic = settings.topics.forgotten
    require_topic(settings, topic, "read", "write")
    value = msgspec.json.encode(card)
    send_records(settings, topic, (Record(card_digest(one).encode(), value) for one in sorted(card_ids)))


def remove_expired(settings: Settings, now: int) -> int:
    """Take those cards off the topic of which Kafka holds nothing any more; returns how many.

    Raises:
        RefusedError: we may not write the topic.
        UnreachableError: Kafka does not answer.
    """
    over = [key for key, one in _read(settings).items() if not one.counts_at(now)]
    if over:
        require_topic(settings, settings.topics.forgotten, "read", "write")
        send_records(settings, settings.topics.forgotten, (Record(key.encode(), None) for key in over))
    return len(over)


def _read(settings: Settings) -> dict[str, ForgottenCard]:
    found: dict[str, ForgottenCard] = {}
    decoder = Decoder(ForgottenCard)
    try:
        for message in read_ordered(settings, settings.topics.forgotten):
            key, value = _text(message.key()), message.value()
            if value is None:
                found.pop(key, None)
                continue
            try:
                found[key] = decoder.decode(value)
            except MessageError as error:
                log.warning("offset %s of the forgotten cards is left out: %s", message.offset(), error)
    except MissingTopicError as error:
        log.info("no card is forgotten: %s", error)
    return found


def _text(key: bytes | str | None) -> str:
    return key.decode(errors="replace") if isinstance(key, bytes) else key or ""


def _candidates(content: bytes) -> Iterator[str]:
    for found in _CANDIDATE.finditer(content):
        quoted, word = found.groups()
        if quoted is None:
            yield word.decode(errors="replace")
            continue
        try:
            yield str(msgspec.json.decode(b'"' + quoted + b'"'))
        except (msgspec.DecodeError, UnicodeDecodeError):
            yield quoted.decode(errors="replace")

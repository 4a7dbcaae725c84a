"""Entries of lists as messages of a compacted topic, under the key `LIST/VALUE`; without a value: removed."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from fraud.messages.decoding import Decoder, MessageError
from fraud.schema import Millis

if TYPE_CHECKING:
    from confluent_kafka import Message

_NAME = r"^[a-z][a-z0-9_]{0,63}\Z"
_is_name = re.compile(_NAME).match

ListName = Annotated[str, Meta(pattern=_NAME)]

log = logging.getLogger(__name__)


class ListEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value on a list.

    Attributes:
        list: name of the list.
        value: of the field that the policy says the list is of.
        by: who put it there.
        at: when, ms.
        reason: why.
        expires: event time (ms) from which on it does not count; None: it stays.
    """

    list: ListName
    value: Annotated[str, Meta(min_length=1, max_length=256)]
    by: Annotated[str, Meta(min_length=1, max_length=64)]
    at: Millis
    reason: Annotated[str, Meta(max_length=2_000)] = ""
    expires: Millis | None = None

    def holds_at(self, time: int) -> bool:
        """Whether it counts for a payment of that event time (ms)."""
        return self.expires is None or time < self.expires


@dataclass(frozen=True)
class ListChange:
    """A value came to a list, or its entry changed, or it went (`entry` is None)."""

    list: str
    value: str
    entry: ListEntry | None


def entry_key(list_name: str, value: str) -> bytes:
    """The key of a value's messages."""
    return f"{list_name}/{value}".encode()


def encode_entry(entry: ListEntry) -> tuple[bytes, bytes]:
    """The key and the value of its message."""
    return entry_key(entry.list, entry.value), msgspec.json.encode(entry)


class ListEntries:
    """The lists after some of the topic's messages, taken in their order.

    Attributes:
        position: the offset before which everything is taken: `lists_position` of a prediction.
        refused: how many messages were left out because they cannot be used.
    """

    def __init__(self) -> None:
        self.position = 0
        self.refused = 0
        self._lists: dict[str, dict[str, ListEntry]] = {}
        self._decoder = Decoder(ListEntry)

    def take(self, message: "Message") -> ListChange | None:
        """The next message of the topic."""
        return self.apply(message.offset() or 0, message.key(), message.value())

    def apply(self, position: int, key: bytes | str | None, value: bytes | None) -> ListChange | None:
        """The next message, at the offset `position`; what it changes, None if nothing.

        A message that cannot be used is left out and said.
        """
        self.position = position + 1
        try:
            change = read_change(self._decoder, key, value)
        except MessageError as error:
            self.refused += 1
            log.warning("offset %d of the lists is no entry and is left out: %s", position, error)
            return None
        return self._apply(change)

    def _apply(self, change: ListChange) -> ListChange | None:
        values = self._lists.setdefault(change.list, {})
        if values.get(change.value) == change.entry:
            return None
        if change.entry is None:
            del values[change.value]
        else:
            values[change.value] = change.entry
        return change

    def names(self) -> list[str]:
        """The lists that have entries, sorted."""
        return sorted(name for name, values in self._lists.items() if values)

    def entry(self, list_name: str, value: str) -> ListEntry | None:
        """A value's entry; it may have expired."""
        return self._lists.get(list_name, {}).get(value)

    def entries(self, list_name: str) -> Iterator[ListEntry]:
        """Those of a list, in the order in which their values came; they may have expired."""
        yield from self._lists.get(list_name, {}).values()

    def __iter__(self) -> Iterator[ListEntry]:
        """Those of all lists."""
        for values in self._lists.values():
            yield from values.values()

    def __len__(self) -> int:
        return sum(map(len, self._lists.values()))


def read_change(decoder: Decoder[ListEntry], key: bytes | str | None, value: bytes | None) -> ListChange:
    """What a message says, by itself.

    Raises:
        MessageError: it is no entry.
    """
    name, list_value = _parsed_key(key)
    if value is None:
        return ListChange(name, list_value, None)
    entry = decoder.decode(value)
    if (entry.list, entry.value) != (name, list_value):
        # Values are often numbers of cards, which logs must not have.
        raise MessageError("its key names another list or value than its value does")
    return ListChange(name, list_value, entry)


def _parsed_key(key: bytes | str | None) -> tuple[str, str]:
    text = key.decode(errors="replace") if isinstance(key, bytes) else key or ""
    name, _, value = text.partition("/")
    if not _is_name(name) or not value:
        raise MessageError("its key is not a list and a value, such as blocked_cards/c-17")
    return name, value

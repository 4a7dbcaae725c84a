"""The topic of lists: read up to a position, and entries added and removed."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from fraud.cards.masking import mask_text
from fraud.cards.numbers import holds_card_number
from fraud.decisions.lists.entries import ListEntries, ListEntry, encode_entry, entry_key
from fraud.errors import ConfigurationError, MissingTopicError
from fraud.kafka.log import read_ordered
from fraud.kafka.permission_checks import require_topic
from fraud.kafka.sending import Record, send_records
from fraud.settings import Settings

REMOVED_BY, REMOVAL_REASON = "by", "reason"
"""Headers of a removal, which has no value that could say it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublishedEntries:
    """What adding entries has done.

    Attributes:
        added: values that the list did not have.
        changed: those that it had with another reason or expiry.
        unchanged: those that it had so; nothing was written for them.
        position: the offset before which the topic has all of them.
    """

    added: int
    changed: int
    unchanged: int
    position: int


@dataclass(frozen=True)
class RemovedEntries:
    """What removing values has done; `missing` were not on the list."""

    removed: int
    missing: tuple[str, ...]
    position: int


def read_lists(settings: Settings, until: int | None = None) -> ListEntries:
    """The lists before the offset `until`, a prediction's `lists_position`, or now; without a topic empty.

    Kafka keeps what is needed for positions of the last 90 days.

    Raises:
        DataError: the topic has several partitions, or ends before `until`.
        RefusedError: we may not read the topic.
        UnreachableError: Kafka is silent or refuses.
    """
    found = ListEntries()
    try:
        for message in read_ordered(settings, settings.topics.lists, until):
            found.take(message)
    except MissingTopicError as error:
        log.warning("the lists are empty: %s", error)
    return found


def stored_value(settings: Settings, value: str) -> str:
    """A value as payments have it: pseudonyms under the current key stand for card numbers.

    Raises:
        ConfigurationError: it holds a card number, and there is no key.
    """
    if not holds_card_number(value):
        return value
    if settings.card_keys is None:
        raise ConfigurationError(
            f"{mask_text(value)} is a card number, and there is no key to make a pseudonym of it; set "
            "FRAUD_CARDS__KEY_FILE to the file of the gateway"
        )
    return settings.card_keys.replace(value)


def publish_entries(settings: Settings, entries: Sequence[ListEntry]) -> PublishedEntries:
    """Put entries on their lists; of several for one value the last counts.

    Pseudonyms stand for card numbers, and in reasons these are masked.

    Raises:
        ConfigurationError: a value holds a card number, and there is no key.
        RefusedError: we may not read or write the topic.
        UnreachableError: Kafka does not answer, or the topic is missing.
    """
    require_topic(settings, settings.topics.lists, "read", "write")
    stored = [_without_card_numbers(settings, entry) for entry in entries]
    former = read_lists(settings)
    wanted = {(entry.list, entry.value): entry for entry in stored}
    found = {key: former.entry(*key) for key in wanted}
    new = [key for key, there in found.items() if there is None]
    changed = [
        key for key, there in found.items() if there is not None and not _says_the_same(there, wanted[key])
    ]
    end = _send(settings, (Record(*encode_entry(wanted[key])) for key in (*new, *changed)))
    return PublishedEntries(
        len(new), len(changed), len(wanted) - len(new) - len(changed), max(end, former.position)
    )


def remove_entries(
    settings: Settings, list_name: str, values: Sequence[str], by: str, reason: str = ""
) -> RemovedEntries:
    """Take values off a list; a card number is looked for under all its pseudonyms.

    Raises:
        RefusedError: we may not read or write the topic.
        UnreachableError: Kafka does not answer, or the topic is missing.
    """
    require_topic(settings, settings.topics.lists, "read", "write")
    former = read_lists(settings)
    names = {value: settings.card_rule.lookups(value) for value in values}
    found = {value: [one for one in names[value] if former.entry(list_name, one)] for value in names}
    there = [*dict.fromkeys(one for stored in found.values() for one in stored)]
    headers = {REMOVED_BY: by, REMOVAL_REASON: mask_text(reason)}
    end = _send(settings, (Record(entry_key(list_name, value), None, headers) for value in there))
    missing = tuple(value for value, stored in found.items() if not stored)
    return RemovedEntries(len(there), missing, max(end, former.position))


def _without_card_numbers(settings: Settings, entry: ListEntry) -> ListEntry:
    value, reason = stored_value(settings, entry.value), mask_text(entry.reason)
    return msgspec.structs.replace(entry, value=value, reason=reason)


def _send(settings: Settings, records: Iterable[Record]) -> int:
    return send_records(settings, settings.topics.lists, records)


def _says_the_same(one: ListEntry, other: ListEntry) -> bool:
    return (one.reason, one.expires) == (other.reason, other.expires)

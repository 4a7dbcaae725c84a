"""The entries of all lists, filled by one thread and searched by others."""

import heapq
import threading
from typing import Any

from confluent_kafka import Message

from fraud.decisions.lists.entries import ListEntries, ListEntry


class EntryTable:
    """The entries that the topic of lists has had up to now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries = ListEntries()

    @property
    def position(self) -> int:
        """The offset before which everything is known."""
        return self._entries.position

    def take(self, message: Message) -> None:
        """The next message of the topic."""
        with self._lock:
            self._entries.take(message)

    def entry(self, list_name: str, value: str) -> ListEntry | None:
        """A value's entry; it may have expired."""
        with self._lock:
            return self._entries.entry(list_name, value)

    def all(self) -> list[ListEntry]:
        """The entries of all lists."""
        with self._lock:
            return list(self._entries)

    def counts(self, now_ms: int) -> dict[str, tuple[int, int]]:
        """By list: entries that count now, and expired ones; lists without any are left out."""
        counts = {}
        with self._lock:
            for name in self._entries.names():
                holding = [one.holds_at(now_ms) for one in self._entries.entries(name)]
                counts[name] = sum(holding), len(holding) - sum(holding)
        return counts

    def search(self, list_name: str, text: str, limit: int) -> tuple[list[ListEntry], int]:
        """Entries whose value, reason or author has a text, the newest first, and how many there are."""
        wanted = text.casefold()
        with self._lock:
            found = [
                one
                for one in self._entries.entries(list_name)
                if any(wanted in part.casefold() for part in (one.value, one.reason, one.by))
            ]
        return heapq.nlargest(limit, found, key=lambda one: one.at), len(found)


def describe_entry(one: ListEntry) -> dict[str, Any]:
    """An entry as the page gets it."""
    return {
        "value": one.value,
        "reason": one.reason,
        "author": one.by,
        "at": one.at,
        "expires": one.expires,
    }

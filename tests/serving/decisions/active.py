"""Policies and lists that are in force without Kafka."""

from dataclasses import dataclass, field

from fraud.decisions.lists.entries import ListEntry, encode_entry, entry_key
from fraud.decisions.log.events import encode_event
from fraud.settings import Settings
from serving.decisions.active_policies import ActivePolicies
from serving.ops.metrics import Metrics
from tests.fraud.signing.signed import event_headers
from tests.serving.decisions.support import Event


@dataclass
class Message:
    """Kafka's message, as far as the readers ask it."""

    number: int
    content: bytes | None
    name: bytes = b""
    fields: list[tuple[str, str | bytes | None]] = field(default_factory=list)

    def offset(self) -> int:
        return self.number

    def key(self) -> bytes:
        return self.name

    def value(self) -> bytes | None:
        return self.content

    def headers(self) -> list[tuple[str, str | bytes | None]]:
        return self.fields


class FedPolicies:
    """Takes events and entries as the threads do, one offset after another."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.active = ActivePolicies(settings, metrics)
        self._settings = settings
        self._events, self._entries = 0, 0

    def take_events(self, *events: Event) -> None:
        reader = self.active._policy_reader
        for event in events:
            value = encode_event(event)
            reader.take(Message(self._events, value, fields=event_headers(self._settings, value)))
            self._events += 1
        reader.reach_end()
        self.active.apply_pending()

    def put(self, list_name: str, value: str, expires: int | None = None) -> None:
        self._take(*encode_entry(ListEntry(list_name, value, "jane", 1, "seen", expires)))

    def remove(self, list_name: str, value: str) -> None:
        self._take(entry_key(list_name, value), None)

    def _take(self, key: bytes, content: bytes | None) -> None:
        reader = self.active._lists_reader
        reader.take(Message(self._entries, content, key))
        self._entries += 1
        reader.reach_end()
        self.active.apply_pending()

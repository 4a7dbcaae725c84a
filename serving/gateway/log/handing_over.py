"""From Kafka's messages to the index: decoded on a reader's thread, taken on the event loop."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from confluent_kafka import Message

from fraud.messages.decoding import Decoder, MessageError, header
from fraud.settings import Settings
from serving.gateway.answers import UNREADABLE, decode_prediction
from serving.gateway.events import GatewayEvent
from serving.gateway.index import DecisionIndex
from serving.gateway.log.reader import LogReader
from serving.gateway.payments import Payment, PaymentReader


class HandOver:
    """Makes the readers that fill an index, whose event loop is `loop`."""

    def __init__(self, settings: Settings, index: DecisionIndex, loop: asyncio.AbstractEventLoop) -> None:
        self._settings, self._index, self._loop = settings, index, loop
        self._decode_event = Decoder(GatewayEvent).decode
        self._payments = PaymentReader(settings)

    def readers(self) -> tuple[LogReader, LogReader]:
        """The reader of what is visible, and that of what is committed."""
        topics = self._settings.topics
        visible = {
            topics.predictions: self._take_visible,
            topics.dead_letters: self._take_dead_letters,
            topics.gateway_events: self._take_events,
        }
        committed = {topics.predictions: self._take_committed}
        return (
            LogReader(self._settings, "read_uncommitted", visible),
            LogReader(self._settings, "read_committed", committed),
        )

    def _take_visible(self, messages: list[Message], is_past: bool) -> None:
        found = [*self._predictions(messages)]
        self._call(partial(self._index.take_visible, found, is_replayed=is_past))

    def _take_committed(self, messages: list[Message], _: bool) -> None:
        self._call(partial(self._index.take_committed, [*self._predictions(messages)]))

    def _take_dead_letters(self, messages: list[Message], is_past: bool) -> None:
        if not is_past:
            self._call(partial(self._index.take_refusals, [*self._refusals(messages)]))

    def _take_events(self, messages: list[Message], _: bool) -> None:
        self._call(partial(self._index.take_events, [*self._events(messages)]))

    def _call(self, call: Callable[[], Any]) -> None:
        # The loop may be closed while the process ends.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

    def _predictions(self, messages: Sequence[Message]) -> Iterator[tuple[str, str, bytes]]:
        for message in messages:
            value = message.value()
            try:
                found = decode_prediction(value)
            except UNREADABLE:
                continue  # not of the engine; no payment of ours waits for it
            yield found.transaction_id, found.card_id, value

    def _refusals(self, messages: Sequence[Message]) -> Iterator[tuple[Payment, str]]:
        for message in messages:
            payment = self._payments.read_any(message.value() or b"")
            if payment is not None:
                yield payment, header(message, "error") or "the engine refused the payment"

    def _events(self, messages: Sequence[Message]) -> Iterator[GatewayEvent]:
        for message in messages:
            try:
                yield self._decode_event(message.value())
            except MessageError:
                continue

"""The payments that the gateway knows: what was sent, what is decided, what was answered.

The event loop owns the index; the threads that read Kafka hand batches over to it. Of several predictions of
a payment the first visible one counts for answers, so that every request gets the same one.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from fraud.decisions.outcomes import Outcome
from serving.gateway.answers import (
    DecisionAnswer,
    DecisionRecord,
    DecisionState,
    decided_answer,
    decode_prediction,
)
from serving.gateway.events import EventKind, GatewayEvent
from serving.gateway.payments import Payment

Waiter = asyncio.Future[None]


class Entry:
    """One payment.

    Attributes:
        transaction_id: of the payment.
        card_id: likewise.
        content: hash of what was sent; None if it was sent by another process.
        decided: the first visible prediction as it came.
        committed: the committed one; the same object if it has the same outcome.
        fallback: the outcome of the fallback, if that was the first answer.
        reason: why the fallback was answered.
        refusal: why the engine refused the payment.
        caller: who sent it.
        is_answered: whether this process has answered with `decided`.
        is_replayed: whether `decided` was visible before this process started.
        is_reported: whether an event about its exception exists.
        waiters: requests that wait for the decision.
    """

    __slots__ = (
        "caller", "card_id", "committed", "content", "decided", "fallback", "is_answered", "is_replayed",
        "is_reported", "reason", "refusal", "transaction_id", "waiters",
    )  # fmt: skip

    def __init__(self, transaction_id: str, card_id: str) -> None:
        self.transaction_id, self.card_id = transaction_id, card_id
        self.content: int | None = None
        self.decided: bytes | None = None
        self.committed: bytes | None = None
        self.fallback: Outcome | None = None
        self.reason: str | None = None
        self.refusal: str | None = None
        self.caller: str | None = None
        self.is_answered = self.is_replayed = self.is_reported = False
        self.waiters: list[Waiter] | None = None

    @property
    def is_settled(self) -> bool:
        """Whether a request for it can be answered at once."""
        return self.decided is not None or self.fallback is not None or self.refusal is not None

    def answer(self) -> DecisionAnswer | None:
        """The first answer; None while there is none."""
        if self.fallback is not None:
            return DecisionAnswer(
                self.transaction_id, self.card_id, "fallback", self.fallback, reason=self.reason
            )
        return None if self.decided is None else decided_answer(self.decided)

    def record(self) -> DecisionRecord:
        """All that is known."""
        newest = self.committed or self.decided
        state: DecisionState = "committed" if self.committed else "visible" if self.decided else "pending"
        decision = None if newest is None else decided_answer(newest)
        return DecisionRecord(self.transaction_id, self.card_id, state, self.answer(), decision)

    def is_same(self, payment: Payment) -> bool:
        """Whether the payment is this one; by what its prediction repeats, if another process sent it."""
        if self.content is None and self.decided is not None:
            known = decode_prediction(self.decided)
            sent = (known.amount, known.currency, known.timestamp)
            return sent == (payment.amount, payment.currency, payment.timestamp)
        return self.content is None or self.content == payment.content

    def wake(self) -> None:
        """Let the requests that wait go on."""
        for waiter in self.waiters or ():
            if not waiter.done():
                waiter.set_result(None)
        self.waiters = None


class DecisionIndex:
    """The newest payments, at most `capacity`; `report` is called with events for the topic.

    Any number of cards may share an id, so each payment counts, and is found without a search.
    """

    def __init__(self, capacity: int, gateway: str, report: Callable[[GatewayEvent], None]) -> None:
        self._capacity, self._gateway, self._report = capacity, gateway, report
        self._by_id: dict[str, dict[str, Entry]] = {}
        self._by_age: OrderedDict[Entry, None] = OrderedDict()
        self._unreported: list[Entry] | None = []
        self.unconfirmed: dict[Entry, float] = {}
        self.silent_since: float | None = None

    def __len__(self) -> int:
        return len(self._by_age)

    def find(self, transaction_id: str, card_id: str | None = None) -> list[Entry]:
        """The payments with this id, of one card or of all."""
        found = self._by_id.get(transaction_id, {})
        if card_id is None:
            return list(found.values())
        return [found[card_id]] if card_id in found else []

    def entry(self, transaction_id: str, card_id: str) -> Entry:
        """The payment, as a new one if it is not known."""
        found = self._by_id.setdefault(transaction_id, {})
        entry = found.get(card_id)
        if entry is None:
            entry = found[card_id] = Entry(transaction_id, card_id)
            self._by_age[entry] = None
            self._forget_oldest()
        return entry

    def forget(self, entry: Entry) -> None:
        """Remove a payment that never reached Kafka, so that a repeated request sends it again."""
        if entry not in self._by_age:
            return
        del self._by_age[entry]
        found = self._by_id[entry.transaction_id]
        del found[entry.card_id]
        if not found:
            del self._by_id[entry.transaction_id]

    def expect(self, entry: Entry) -> Waiter:
        """A future that is done when the payment is settled."""
        if self.silent_since is None:
            self.silent_since = time.monotonic()
        waiter: Waiter = asyncio.get_running_loop().create_future()
        entry.waiters = [*(entry.waiters or ()), waiter]
        return waiter

    def take_visible(self, values: Iterable[tuple[str, str, bytes]], *, is_replayed: bool) -> None:
        """Predictions, perhaps not committed yet: transaction_id, card_id, encoded prediction."""
        self.silent_since = None
        for transaction_id, card_id, value in values:
            entry = self.entry(transaction_id, card_id)
            if entry.decided is None:
                entry.decided, entry.is_replayed = value, is_replayed
                entry.wake()

    def take_committed(self, values: Iterable[tuple[str, str, bytes]]) -> None:
        """Committed predictions, which are compared with what was visible, and answered."""
        for transaction_id, card_id, value in values:
            entry = self.entry(transaction_id, card_id)
            self.unconfirmed.pop(entry, None)
            if entry.committed is None:
                self._commit(entry, value)

    def take_refusals(self, refusals: Iterable[tuple[Payment, str]]) -> None:
        """Payments that the engine refused, with the reason."""
        for payment, reason in refusals:
            for entry in self.find(payment.transaction_id, payment.card_id):
                if entry.content == payment.content and not entry.is_settled:
                    self.silent_since = None
                    entry.refusal = reason
                    entry.wake()

    def take_events(self, events: Iterable[GatewayEvent]) -> None:
        """Events of all gateways, this one's among them."""
        for event in events:
            entry = self.entry(event.transaction_id, event.card_id)
            if event.kind == "exception":
                entry.is_reported = True
            elif event.kind == "fallback" and not entry.is_answered and entry.fallback is None:
                entry.fallback, entry.reason = event.answered, event.reason
                entry.wake()

    def fall_back(self, entry: Entry, outcome: Outcome, reason: str) -> None:
        """Make the fallback the payment's answer, and report that."""
        entry.fallback, entry.reason = outcome, reason
        entry.wake()
        self._report(self._event(entry, "fallback", outcome, None))

    def mark_answered(self, entry: Entry) -> None:
        """A caller is being answered with the visible decision."""
        if not entry.is_answered and entry.committed is None:
            self.unconfirmed[entry] = time.monotonic()
        entry.is_answered = True

    def start_reporting(self) -> None:
        """The topics' past is read: report exceptions in it that no gateway has reported."""
        unreported, self._unreported = self._unreported, None
        for entry in unreported or ():
            if not entry.is_reported:
                self._report_exception(entry)

    def _commit(self, entry: Entry, value: bytes) -> None:
        if entry.decided is None:
            entry.decided = value
            entry.wake()
        is_same = value == entry.decided
        entry.committed = entry.decided if is_same else value  # one object in memory
        if entry.fallback is not None:
            self._report_late(entry, decode_prediction(value).decision)
        elif not is_same and (entry.is_answered or entry.is_replayed):
            self._compare(entry)

    def _compare(self, entry: Entry) -> None:
        """After an abort the engine may have scored again: the time differs, the outcome should not."""
        answered, decided = _outcomes(entry)
        if answered != decided:
            self._report_exception(entry)

    def _report_late(self, entry: Entry, decided: Outcome) -> None:
        # Where the fallback was read from the topic, the gateway that answered with it reports.
        if entry.content is not None and entry.fallback is not None:
            self._report(self._event(entry, "late", entry.fallback, decided))

    def _report_exception(self, entry: Entry) -> None:
        if self._unreported is not None:
            self._unreported.append(entry)
            return
        entry.is_reported = True
        answered, decided = _outcomes(entry)
        self._report(self._event(entry, "exception", answered, decided))

    def _event(
        self, entry: Entry, kind: EventKind, answered: Outcome, decided: Outcome | None
    ) -> GatewayEvent:
        return GatewayEvent(
            kind=kind,
            transaction_id=entry.transaction_id,
            card_id=entry.card_id,
            answered=answered,
            at=time.time_ns() // 1_000_000,
            gateway=self._gateway,
            decided=decided,
            is_certain=kind != "exception" or entry.is_answered,
            caller=entry.caller,
            reason=entry.reason,
        )

    def _forget_oldest(self) -> None:
        while len(self._by_age) > self._capacity:
            oldest = next(iter(self._by_age))
            if oldest.waiters:
                return
            self.forget(oldest)
            self.unconfirmed.pop(oldest, None)


def _outcomes(entry: Entry) -> tuple[Outcome, Outcome]:
    """What was visible first, and what is committed."""
    assert entry.decided is not None
    assert entry.committed is not None
    return decode_prediction(entry.decided).decision, decode_prediction(entry.committed).decision

"""What was answered, compared with what is committed."""

import asyncio

import msgspec
import pytest

from fraud.decisions.outcomes import Outcome
from serving.gateway.events import GatewayEvent
from serving.gateway.index import DecisionIndex
from serving.gateway.payments import Payment
from tests.serving.dashboard.support import payment, prediction_for

Seen = tuple[str, str, bytes]


@pytest.fixture
def events() -> list[GatewayEvent]:
    return []


@pytest.fixture
def index(events: list[GatewayEvent]) -> DecisionIndex:
    """An index whose readers have caught up."""
    made = DecisionIndex(100, "here", events.append)
    made.start_reporting()
    return made


def seen(number: int, decision: Outcome = "approve", scored_at: int = 1) -> Seen:
    """A prediction as a reader hands it over."""
    found = prediction_for(payment(number), scored_at=scored_at, timestamp=5, reasons=None)
    found = msgspec.structs.replace(found, decision=decision)
    return found.transaction_id, found.card_id, msgspec.json.encode(found)


def kinds(events: list[GatewayEvent]) -> list[tuple[str, str, str | None, bool]]:
    return [(one.kind, one.answered, one.decided, one.is_certain) for one in events]


def answered(index: DecisionIndex, number: int) -> None:
    """The payment is answered with what is visible."""
    index.mark_answered(index.find(f"t{number}")[0])


def test_an_answer_that_is_not_the_committed_decision_is_an_exception(
    index: DecisionIndex, events: list[GatewayEvent]
) -> None:
    # given an answer from a transaction that is aborted
    index.take_visible([seen(1, "approve")], is_replayed=False)
    answered(index, 1)
    assert len(index.unconfirmed) == 1
    # when the engine scores again with another model
    index.take_visible([seen(1, "decline", 2)], is_replayed=False)
    index.take_committed([seen(1, "decline", 2)])
    # then the first answer stays the answer, and the difference is reported once
    assert kinds(events) == [("exception", "approve", "decline", True)]
    record = index.find("t1")[0].record()
    assert record.answer is not None
    assert record.decision is not None
    assert (record.state, record.answer.outcome, record.decision.outcome) == (
        "committed", "approve", "decline",
    )  # fmt: skip
    index.take_committed([seen(1, "decline", 2)])
    assert len(events) == 1
    assert not index.unconfirmed


@pytest.mark.parametrize("changed", [seen(1, "approve"), seen(1, "approve", 9)])
def test_the_same_outcome_is_no_exception(
    index: DecisionIndex, events: list[GatewayEvent], changed: Seen
) -> None:
    index.take_visible([seen(1, "approve")], is_replayed=False)
    answered(index, 1)
    index.take_committed([changed])
    assert events == []
    assert not index.unconfirmed


def test_what_this_gateway_has_not_answered_it_does_not_report(
    index: DecisionIndex, events: list[GatewayEvent]
) -> None:
    index.take_visible([seen(1, "approve")], is_replayed=False)
    index.take_committed([seen(1, "decline", 2)])
    assert events == []


def test_after_a_restart_what_may_have_been_answered_is_reported_unless_it_was(
    events: list[GatewayEvent],
) -> None:
    # given two payments whose first predictions were aborted, one of them reported before the restart
    index = DecisionIndex(100, "here", events.append)
    for number in (1, 2):
        index.take_visible([seen(number, "approve")], is_replayed=True)
        index.take_committed([seen(number, "decline", 2)])
    index.take_events([GatewayEvent("exception", "t1", "card-1", "approve", 1, "here", "decline")])
    assert events == []
    # when the past is read
    index.start_reporting()
    # then
    assert [one.transaction_id for one in events] == ["t2"]
    assert not events[0].is_certain


def test_a_late_decision_after_a_fallback_is_reported(events: list[GatewayEvent]) -> None:
    asyncio.run(_fall_back(events))
    assert kinds(events) == [("fallback", "approve", None, True), ("late", "approve", "decline", True)]


async def _fall_back(events: list[GatewayEvent]) -> None:
    index = DecisionIndex(100, "here", events.append)
    index.start_reporting()
    entry = index.entry("t1", "card-1")
    entry.content = 5
    waiter = index.expect(entry)
    index.fall_back(entry, "approve", "no decision by the deadline")
    await waiter
    index.take_visible([seen(1, "decline")], is_replayed=False)
    index.take_committed([seen(1, "decline")])
    answer = entry.answer()
    assert answer is not None
    assert (answer.status, answer.outcome) == ("fallback", "approve")


def test_memory_is_bounded_and_the_oldest_go_first(index: DecisionIndex) -> None:
    index.take_visible([seen(number) for number in range(250)], is_replayed=False)
    assert len(index) == 100
    assert index.find("t249")
    assert not index.find("t0")


def test_payments_of_many_cards_under_one_id_are_bounded_too(index: DecisionIndex) -> None:
    # given a sender that numbers no payments
    for number in range(250):
        index.entry("0", f"card-{number}")
    # then each payment counts, and the oldest are forgotten
    assert len(index) == len(index.find("0")) == 100
    assert index.find("0", "card-249")
    assert not index.find("0", "card-0")
    # and nothing is left of those that are removed
    for entry in index.find("0"):
        index.forget(entry)
        index.forget(entry)
    assert len(index) == 0
    assert index.find("0") == []


def test_an_engine_that_refuses_is_not_silent(index: DecisionIndex) -> None:
    async def check() -> None:
        # given a payment that waits
        sent = Payment("t1", "card-1", 5, 100, "EUR", 7)
        entry = index.entry("t1", "card-1")
        entry.content = sent.content
        waiter = index.expect(entry)
        assert index.silent_since is not None
        # when the engine refuses it
        index.take_refusals([(sent, "too late")])
        await waiter
        # then the engine has answered
        assert index.silent_since is None

    asyncio.run(check())


def test_a_payment_that_waits_is_not_forgotten() -> None:
    async def check() -> None:
        index = DecisionIndex(1, "here", lambda _: None)
        waiter = index.expect(index.entry("t0", "card-0"))
        index.take_visible([seen(number) for number in range(1, 5)], is_replayed=False)
        index.take_visible([seen(0)], is_replayed=False)
        await waiter

    asyncio.run(check())

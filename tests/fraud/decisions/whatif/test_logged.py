"""Logged predictions as columns."""

import time
from dataclasses import dataclass

import msgspec
import pyarrow as pa
import pytest

from fraud.decisions.outcomes import APPROVE, DECLINE
from fraud.decisions.whatif.logged import BatchReader, LoggedDecisions, payment_hashes, read_decisions
from fraud.definitions.features import DAY_MS
from fraud.schema import Prediction
from fraud.settings import Settings
from tests.fraud.lineage.test_collect import prediction, put

START_MS = 1_760_000_000_000
NOW_MS = int(time.time() * 1_000) + DAY_MS


@dataclass(frozen=True)
class Sent:
    """A message with this value."""

    content: bytes | None

    def value(self) -> bytes | None:
        return self.content

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 0

    def topic(self) -> str:
        return "fraud_predictions"


def read(*values: bytes | Prediction | None) -> tuple[LoggedDecisions, int]:
    reader = BatchReader()
    batch = [Sent(msgspec.json.encode(one) if isinstance(one, Prediction) else one) for one in values]
    found = reader.read(batch)
    return found, reader.refused


def test_a_prediction_has_what_was_decided_and_what_would_have_been() -> None:
    # given predictions of before policies, of the control group, and of a list
    plain = prediction("t1", 5, score=0.3, threshold=0.4)
    control = prediction("t2", 6, decision="approve", would_be="decline", decided_by="rule r")
    blocked = prediction("t3", 7, decision="decline", decided_by="list blocked")
    # when they are read
    found, refused = read(plain, control, blocked)
    # then
    assert found.outcomes.tolist() == [APPROVE, APPROVE, DECLINE]
    assert found.would_be.tolist() == [APPROVE, DECLINE, DECLINE]
    assert found.control.tolist() == [False, True, False]
    assert found.by_list.tolist() == [False, False, True]
    assert (found.scores[0], found.thresholds[0], found.timestamps.tolist()) == (0.3, 0.4, [5, 6, 7])
    assert refused == 0


@pytest.mark.parametrize("bad", [b"no JSON", b"", None, b"\xff", b"[" * 2_000, b'{"score": 3}'])
def test_a_message_that_is_no_prediction_is_counted_and_costs_no_other(bad: bytes | None) -> None:
    found, refused = read(prediction("t1"), bad, prediction("t2"))
    assert (len(found), refused) == (2, 1)


def test_two_predictions_in_one_message_are_none() -> None:
    # given a message that makes two entries of the list in which it is decoded
    one = msgspec.json.encode(prediction("t1"))
    found, refused = read(one + b"," + one, prediction("t2"))
    assert (len(found), refused) == (1, 1)


def test_no_messages_are_no_predictions() -> None:
    assert len(read()[0]) == 0
    assert len(LoggedDecisions.concatenate([])) == 0


def test_a_payment_is_its_card_and_its_id() -> None:
    def hashes(cards: list[str], ids: list[str]) -> list[int]:
        return [int(one) for one in payment_hashes(pa.chunked_array([cards]), pa.chunked_array([ids]))]

    assert len(set(hashes(["a", "a", "b", "ab"], ["b", "c", "a", ""]))) == 4
    assert hashes(["a"], ["b"]) == hashes(["a", "x"], ["b", "y"])[:1]


@pytest.mark.broker
def test_the_first_prediction_of_each_payment_of_the_last_days_is_read(settings: Settings) -> None:
    # given predictions of ten days, some of them twice, and a message that is none
    made = [prediction(f"t{day}", START_MS + day * DAY_MS, score=day / 10) for day in range(10)]
    put(settings, [*made, b"none"])
    put(settings, [prediction("t9", START_MS + 9 * DAY_MS, score=0.0), *(made[:2])])
    # when the last three days are read
    found = read_decisions(settings, 3, NOW_MS, 1_000_000)
    # then they end at the newest payment
    assert sorted(found.decisions.scores.tolist()) == [0.7, 0.8, 0.9]
    assert (found.repeated, found.unreadable, found.cut) == (3, 1, False)


@pytest.mark.broker
def test_of_too_many_predictions_the_newest_are_read(settings: Settings) -> None:
    put(settings, [prediction(f"t{number}", START_MS + number) for number in range(400)])
    found = read_decisions(settings, 3, NOW_MS, 100)
    assert found.cut
    assert 0 < len(found.decisions) <= 100

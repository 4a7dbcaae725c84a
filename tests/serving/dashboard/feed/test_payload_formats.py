"""The dashboard reads payments in the topic's format."""

import pytest

from fraud.cards.rule import CardRule
from fraud.errors import UnreachableError
from serving.dashboard.feed.follower import transaction_reader
from tests.definitions import V1
from tests.fraud.messages.formats.registries import MemoryRegistry, framed, payloads_with
from tests.fraud.messages.formats.test_payloads import SCHEMAS, as_json, in_all_formats
from tests.serving.state.test_replay import Message
from tests.serving.world import transaction


def message(value: bytes) -> Message:
    return Message(0, value, 0)


def test_a_payment_is_the_same_in_every_format() -> None:
    # given a payment in JSON
    payment = transaction(1)
    expected = transaction_reader(V1, CardRule()).read(message(as_json(payment)))
    # when it comes in other formats
    reader = transaction_reader(V1, CardRule(), payloads_with(MemoryRegistry(SCHEMAS)))
    found = [reader.read(message(value)) for value in in_all_formats(payment)]
    # then it is the same, and what has no schema is left out
    assert expected is not None
    assert found == [expected] * 3
    assert reader.read(message(framed(99, b""))) is None
    assert reader.refused == 1


def test_a_registry_that_does_not_answer_stops_the_reading() -> None:
    reader = transaction_reader(V1, CardRule(), payloads_with(MemoryRegistry(is_down=True)))

    with pytest.raises(UnreachableError, match="does not answer"):
        reader.read(message(framed(1, b"")))
    assert reader.refused == 0

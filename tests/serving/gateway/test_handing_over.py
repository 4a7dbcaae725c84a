"""Messages of any kind on the topics that a gateway reads."""

import asyncio
import threading

import msgspec
import pytest
from confluent_kafka import Message

from serving.gateway.index import DecisionIndex
from serving.gateway.log.handing_over import HandOver
from serving.gateway.log.reader import LogReader
from tests.conftest import SettingsFactory
from tests.serving.dashboard.support import payment, prediction_for

GOOD = msgspec.json.encode(prediction_for(payment(1)))
NAMED = b'{"transaction_id":"t2","card_id":"card-2"'
UNREADABLE = [
    None,
    b"",
    b"\xff",
    NAMED + b"}",
    b'{"transaction_id":"\xff","card_id":"card-2"}',
    NAMED + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    msgspec.json.encode(msgspec.structs.replace(prediction_for(payment(2)), decision="refuse")),
]


def test_what_is_no_prediction_is_left_out_and_the_others_are_taken(make_settings: SettingsFactory) -> None:
    # given messages that nobody can read, and a prediction behind them
    settings = make_settings()
    messages = [Message(topic="fraud_predictions", value=one) for one in (*UNREADABLE, GOOD)]
    loop = asyncio.new_event_loop()
    index = DecisionIndex(100, "here", lambda _: None)
    visible, committed = HandOver(settings, index, loop).readers()
    # when both readers take them
    for reader in (visible, committed):
        reader._handlers[settings.topics.predictions](messages, False)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    # then the payment is known, and no other
    assert [one.transaction_id for one in index.find("t1")] == ["t1"]
    assert index.find("t1")[0].record().state == "committed"
    assert len(index) == 1


def test_a_reader_goes_on_after_an_unexpected_failure(
    make_settings: SettingsFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a reader that fails at its first try
    again, tries = threading.Event(), list[int]()
    reader = LogReader(make_settings(), "read_committed", {})

    def read() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("unexpected")
        again.set()

    monkeypatch.setattr(reader, "_read", read)
    monkeypatch.setattr("serving.gateway.log.reader._RETRY_S", 0.01)
    # when it runs
    reader.start()
    # then it tries again
    assert again.wait(10)
    reader.stop(10)

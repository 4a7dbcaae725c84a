"""Records reach a topic in their order, however many there are."""

import pytest

from fraud.errors import UnreachableError
from fraud.kafka import sending
from fraud.kafka.clients import producer_config
from fraud.kafka.log import read_ordered
from fraud.kafka.sending import Record, send_records
from fraud.settings import Settings


@pytest.mark.broker
def test_more_than_the_clients_queue_arrive_in_order(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a client whose queue is full after ten
    small = {"queue.buffering.max.messages": 10}
    monkeypatch.setattr(sending, "producer_config", lambda given: producer_config(given) | small)
    records = [Record(b"k", str(number).encode(), {"by": "ann"}) for number in range(50)]
    # when
    end = send_records(settings, settings.topics.lists, records)
    # then
    found = list(read_ordered(settings, settings.topics.lists))
    assert [message.value() for message in found] == [record.value for record in records]
    assert end == 50


def test_what_is_not_acknowledged_is_an_error(
    local_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_FLUSH_S", 0.2)
    with pytest.raises(UnreachableError, match=r"1 messages were not acknowledged within 0 s; is Kafka up\?"):
        send_records(local_settings, "topic", [Record(None, b"x")])

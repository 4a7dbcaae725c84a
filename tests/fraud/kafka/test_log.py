"""Reading up to an end that is known, against a consumer with a scripted log."""

import time
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from hypothesis import given
from hypothesis import strategies as st

from fraud.errors import UnreachableError
from fraud.kafka.clients import producer_config
from fraud.kafka.log import is_end_of_partition, read_topic, read_until
from fraud.settings import Settings

END = KafkaError(KafkaError._PARTITION_EOF)
DENIED = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)


@dataclass(frozen=True)
class Record:
    """A polled message, or the report of an error."""

    at: int
    number: int = 0
    fault: KafkaError | None = None

    def offset(self) -> int:
        return self.at

    def partition(self) -> int:
        return self.number

    def error(self) -> KafkaError | None:
        return self.fault


class ScriptedConsumer:
    """Yields the records in turn; when there are no more, polls are empty."""

    def __init__(self, records: list[Record]) -> None:
        self._records = records

    def consume(self, count: int, timeout: float) -> list[Record]:
        polled, self._records = self._records[:count], self._records[count:]
        return polled


def offsets(records: list[Record], ends: dict[int, int], batch_size: int = 2) -> list[tuple[int, int]]:
    batches = read_until(ScriptedConsumer(records), ends, batch_size, 0.0, "the topic")
    return [(one.partition(), one.offset()) for batch in batches for one in batch]


def test_it_ends_after_the_last_message_before_the_end() -> None:
    assert offsets([Record(at) for at in range(9)], {0: 4}) == [(0, 0), (0, 1), (0, 2), (0, 3)]


def test_it_ends_where_the_last_offsets_hold_no_message() -> None:
    # given two messages, then offsets of transaction markers up to 7
    assert offsets([Record(0), Record(1), Record(7, fault=END)], {0: 7}) == [(0, 0), (0, 1)]


def test_an_early_end_of_the_partition_is_not_the_end() -> None:
    # given a report that nothing follows for now, then a further message
    assert offsets([Record(0), Record(1, fault=END), Record(1)], {0: 2}) == [(0, 0), (0, 1)]


def test_without_partitions_nothing_is_polled() -> None:
    assert offsets([Record(0)], {}) == []


def test_what_comes_of_a_partition_without_an_end_is_left_out() -> None:
    records = [Record(5, 1, END), Record(0), Record(5, 1), Record(1)]
    assert offsets(records, {0: 2}) == [(0, 0), (0, 1)]


def test_another_error_is_raised() -> None:
    with pytest.raises(KafkaException):
        offsets([Record(0), Record(0, fault=DENIED)], {0: 5})
    with pytest.raises(KafkaException):
        is_end_of_partition(Record(0, fault=DENIED))


def test_silence_before_the_end_is_an_error() -> None:
    with pytest.raises(UnreachableError, match="nothing of the topic for 0 s"):
        offsets([Record(0)], {0: 2})


def test_time_spent_with_a_batch_is_not_silence() -> None:
    # given a consumer with an empty poll between two messages
    polls = iter([[Record(0)], [], [Record(1)]])
    consumer = SimpleNamespace(consume=lambda *_: next(polls))
    batches = read_until(consumer, {0: 2}, 1, 0.2, "the topic")
    next(batches)
    # when the caller takes longer than the silence that is allowed
    time.sleep(0.3)
    # then the next message still arrives
    assert [one.offset() for one in next(batches)] == [1]


@given(st.data())
def test_each_partition_is_read_exactly_up_to_its_end(data: st.DataObject) -> None:
    # given partitions of any length, of which some offsets hold no message, polled interleaved
    queues: dict[int, list[Record]] = {}
    ends: dict[int, int] = {}
    for partition in range(data.draw(st.integers(1, 3))):
        log_end = data.draw(st.integers(1, 12))
        held = sorted(data.draw(st.sets(st.integers(0, log_end - 1))))
        queues[partition] = [Record(at, partition) for at in held] + [Record(log_end, partition, END)]
        ends[partition] = data.draw(st.integers(1, log_end))
    order = data.draw(st.permutations([p for p, queue in queues.items() for _ in queue]))
    expected = {
        (p, one.at) for p, queue in queues.items() for one in queue if not one.fault and one.at < ends[p]
    }
    records = [queues[partition].pop(0) for partition in order]
    # when they are read
    found = offsets(records, ends, batch_size=data.draw(st.integers(1, 5)))
    # then every message before the ends comes once
    assert len(found) == len(set(found))
    assert set(found) == expected


@pytest.mark.broker
def test_a_topic_is_read_from_a_time_on(settings: Settings) -> None:
    # given three messages of different times in two partitions
    topic = settings.topics.transactions
    producer = Producer(producer_config(settings))
    now = int(time.time() * 1_000)
    for partition, ago in ((0, 3_000), (0, 1_000), (1, 2_000)):
        producer.produce(topic, str(ago).encode(), partition=partition, timestamp=now - ago)
    producer.flush(20)

    everything = [one.value() for batch in read_topic(settings, topic) for one in batch]
    recent = [one.value() for batch in read_topic(settings, topic, now - 2_500) for one in batch]

    assert everything == [b"3000", b"1000", b"2000"]
    assert recent == [b"1000", b"2000"]

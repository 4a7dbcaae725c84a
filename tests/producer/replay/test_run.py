"""The replay as a whole, on a real broker."""

import csv
import json
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from confluent_kafka import Message

from fraud.errors import DataError
from fraud.kafka.topics import topic_config
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.settings import Settings
from producer.replay.run import ReplayRequest, ReplayResult, replay
from tests.definitions import V1
from tests.producer.test_redrive import read

pytestmark = pytest.mark.broker

DAY_MS = 86_400_000
START = int(time.time() * 1_000) - 20 * DAY_MS


class ProgressListener:
    """Keeps the messages; may interrupt the publishing."""

    def __init__(self, interrupt: bool = False) -> None:
        self.said: list[str] = []
        self._interrupt = interrupt

    def message(self, sentence: str) -> None:
        self.said.append(sentence)

    def at(self, stage: str, done: int, total: int | None = None) -> None:
        if self._interrupt and stage == "publishing":
            raise KeyboardInterrupt


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(rows: list[dict[str, Any]], name: str = "payments.csv") -> Path:
        path, table = tmp_path / name, pa.Table.from_pylist(rows)
        if name.endswith(".parquet"):
            pq.write_table(table, path)
        else:
            with pa.output_stream(str(path)) as stream:
                pa.csv.write_csv(table, stream)
        return path

    return write


def payments(count: int = 6, start: int = START, **changes: Any) -> list[dict[str, Any]]:
    return [
        {
            "transaction_id": f"t{number}",
            "card_id": f"card-{number % 3}",
            "merchant_id": 'shop "x"',
            "amount": 10.25 + number,
            "currency": "EUR",
            "timestamp": start + number * 3_600_000,
        }
        | changes
        for number in range(count)
    ]


def run(settings: Settings, path: Path, **options: Any) -> ReplayResult:
    return replay(settings, ReplayRequest(path, **options), ProgressListener())


def decoded(messages: list[Message]) -> list[dict[str, Any]]:
    return sorted(
        (json.loads(message.value()) for message in messages), key=lambda one: one["transaction_id"]
    )


@pytest.mark.parametrize("name", ["payments.csv", "payments.csv.gz", "payments.parquet"])
def test_every_row_passes_admission_in_order_keyed_and_stamped(
    settings: Settings, write: Write, name: str
) -> None:
    result = run(settings, write(payments(), name))

    messages = read(settings, settings.topics.transactions)
    filters = {message.partition(): AdmissionFilter(V1, settings.admission) for message in messages}
    fraud_flags = [filters[one.partition()].validate(one.value(), one.timestamp()[1]) for one in messages]
    admitted = [one for one in fraud_flags if isinstance(one, Admitted)]
    assert result.sent.transactions == len(admitted) == 6
    assert sorted(one.amount for one in admitted) == [1_025 + 100 * number for number in range(6)]
    assert all(m.key() == v.transaction.card_id.encode() for m, v in zip(messages, admitted, strict=True))
    assert all(m.timestamp()[1] == v.transaction.timestamp for m, v in zip(messages, admitted, strict=True))
    assert {one.transaction.merchant_id for one in admitted} == {'shop "x"'}


def test_an_unsorted_file_is_sorted_and_says_so(settings: Settings, write: Write) -> None:
    listener = ProgressListener()
    replay(settings, ReplayRequest(write(payments()[::-1])), listener)

    by_partition: dict[int, list[int]] = {}
    for message in read(settings, settings.topics.transactions):
        by_partition.setdefault(message.partition(), []).append(message.timestamp()[1])
    assert all(times == sorted(times) for times in by_partition.values())
    assert "not in order" in listener.said[0]


def test_bad_rows_are_written_aside_with_their_lines(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "payments.csv"
    rows = [list(map(str, row.values())) for row in payments(4, merchant_id="shop")]
    rows[1][3] = "ten"
    rows[2] = rows[2][:3]
    path.write_text("\n".join(",".join(row) for row in [list(payments(1)[0]), *rows]))

    result = run(settings, path)

    (rejected,) = result.rejected
    with rejected.path.open(newline="") as file:
        aside = list(csv.reader(file))
    assert (result.read, result.good, result.sent.transactions) == (4, 2, 2)
    assert aside[0] == ["line", "reason", *payments(1)[0]]
    assert [row[:2] for row in aside[1:]] == [
        ["3", "amount 'ten' is not a number"], ["4", "has 3 columns, the header 6"],
    ]  # fmt: skip
    assert aside[1][2:] == rows[1]


def test_a_file_without_one_good_row_is_refused(settings: Settings, write: Write) -> None:
    with pytest.raises(DataError, match=r"none of the 6 rows .* line 2: currency"):
        run(settings, write(payments(currency="euro")))


def test_a_label_among_the_transactions_is_split_off(
    settings: Settings, write: Write, tmp_path: Path
) -> None:
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("is_fraud: Class\n")

    run(settings, write(payments(2, Class=1)), columns=mapping, label_delay=timedelta(days=1))

    labels = read(settings, settings.topics.labels)
    assert not any(b"raud" in (one.value() or b"") for one in read(settings, settings.topics.transactions))
    assert [one["is_fraud"] for one in decoded(labels)] == [True, True]
    assert [one["reported_at"] for one in decoded(labels)] == [START + DAY_MS, START + DAY_MS + 3_600_000]
    assert all(one.timestamp()[1] == json.loads(one.value())["reported_at"] for one in labels)


def test_labels_of_a_file_are_joined_and_the_unused_reported(settings: Settings, write: Write) -> None:
    labels = [
        {"transaction_id": "t0", "is_fraud": 1},
        {"transaction_id": "t1", "is_fraud": 0},
        {"transaction_id": "nowhere", "is_fraud": 1},
        {"transaction_id": "t1", "is_fraud": 7},
    ]

    result = run(settings, write(payments()), labels=write(labels, "labels.csv"))

    messages = read(settings, settings.topics.labels)
    assert [(one["card_id"], one["is_fraud"]) for one in decoded(messages)] == [
        ("card-0", True),
        ("card-1", False),
    ]
    assert sorted(message.key() for message in messages) == [b"card-0", b"card-1"]
    assert dict(result.unused_labels) == {"no such transaction among those replayed": 1}
    assert [rejected.count for rejected in result.rejected] == [0, 1, 1]


def test_what_kafka_would_delete_is_refused_unless_kept_for_ever(
    forgetful_settings: Settings, write: Write
) -> None:
    settings, old = forgetful_settings, write(payments(start=START - 100 * DAY_MS))
    with pytest.raises(DataError, match=r"keeps events for 60 days .* --keep-forever"):
        run(settings, old)
    assert read(settings, settings.topics.transactions) == []

    result = run(settings, old, keep_forever=True)

    assert result.sent.transactions == 6
    assert topic_config(settings, settings.topics.transactions)["retention.ms"] == "-1"


def test_a_topic_with_newer_transactions_is_refused(settings: Settings, write: Write) -> None:
    run(settings, write(payments(start=START + 10 * DAY_MS)))
    with pytest.raises(DataError, match="would be refused as late"):
        run(settings, write(payments()))


def test_shifting_is_advised_only_where_it_helps(settings: Settings, write: Write) -> None:
    # given a topic with a payment of an hour ago
    now = int(time.time() * 1_000)
    run(settings, write(payments(1, start=now - 3_600_000)))
    short, long = (
        write(payments(), "short.csv"),
        write([*payments(1), *payments(1, start=START + 10 * DAY_MS, transaction_id="last")], "long.csv"),
    )
    # then a file of five hours may be shifted, one of ten days may not, and is not advised what it has
    with pytest.raises(DataError, match=r"refused as late: keep this file apart, .* or add --shift-to-now$"):
        run(settings, short)
    with pytest.raises(DataError, match=r"refused as late: keep this file apart, .* fraud topics create`\)$"):
        run(settings, long)
    with pytest.raises(
        DataError, match=r"spans 10 days, so that even with --shift-to-now .* topics of its own"
    ):
        run(settings, long, shift_to_now=True)
    assert run(settings, short, shift_to_now=True).sent.transactions == 6


def test_shifting_is_not_advised_against_retention_where_it_is_given(
    forgetful_settings: Settings, write: Write
) -> None:
    rows = [*payments(1), *payments(1, start=START - 100 * DAY_MS, transaction_id="first")]
    with pytest.raises(
        DataError, match=r"even with --shift-to-now, .* --keep-forever .*yet to be created\)$"
    ):
        run(forgetful_settings, write(rows), shift_to_now=True)


def test_a_dry_run_publishes_nothing_and_needs_no_kafka(settings: Settings, write: Write) -> None:
    away = settings.model_copy(
        update={"kafka": settings.kafka.model_copy(update={"bootstrap_servers": "[::1]:1"})}
    )

    assert run(away, write(payments()), dry_run=True).good == 6
    assert read(settings, settings.topics.transactions) == []


def test_labels_that_all_fall_away_publish_nothing(settings: Settings, write: Write) -> None:
    labels = [{"transaction_id": "t0", "is_fraud": 1, "source": "web form"}]
    with pytest.raises(DataError, match="not one label"):
        run(settings, write(payments()), labels=write(labels, "labels.csv"))
    assert read(settings, settings.topics.transactions) == []
    # and a second try is not refused as late
    assert run(settings, write(payments())).sent.transactions == 6


def test_times_can_be_shifted_to_now(settings: Settings, write: Write) -> None:
    result = run(settings, write(payments(start=1_000_000_000_000, is_fraud=True)), shift_to_now=True)

    times = sorted(one["timestamp"] for one in decoded(read(settings, settings.topics.transactions)))
    reported = sorted(one["reported_at"] for one in decoded(read(settings, settings.topics.labels)))
    assert times[-1] == result.last_time == pytest.approx(time.time() * 1_000, abs=60_000)
    assert times[-1] - times[0] == 5 * 3_600_000
    assert [at_report - at for at_report, at in zip(reported, times, strict=True)] == [7 * DAY_MS] * 6


def test_speed_is_kept(settings: Settings, write: Write) -> None:
    path = write(payments(3))

    started = time.monotonic()
    run(settings, path, speed=7_200.0)

    assert time.monotonic() - started >= 1.0


def test_an_interrupted_replay_says_how_far_it_came_and_can_go_on(settings: Settings, write: Write) -> None:
    path = write(payments())
    request = ReplayRequest(path, speed=10_000_000.0)

    stopped = replay(settings, request, ProgressListener(interrupt=True))
    resumed = run(settings, path, resume_from=stopped.sent.transactions)

    assert stopped.sent.interrupted
    assert stopped.sent.transactions + resumed.sent.transactions == 6
    assert len(read(settings, settings.topics.transactions)) == 6

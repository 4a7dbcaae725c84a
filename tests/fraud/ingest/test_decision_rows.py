"""Decisions reach the lake once each, and only those that training and monitoring ask for."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st

from fraud.decisions.outcomes import OUTCOMES, Outcome
from fraud.ingest.commits import committed_files, day_of
from fraud.ingest.decision_rows import DecisionRowReader
from fraud.ingest.partition import ingest_partition, sources
from fraud.kafka.clients import producer_config
from fraud.labels.decisions import read_decisions
from fraud.lake import open_lake
from fraud.schema import Prediction
from fraud.settings import Settings
from tests.fraud.streams import START_MS, produce


def prediction(number: int, decision: str = "approve", **more: Any) -> dict[str, Any]:
    return {
        "transaction_id": f"t{number}", "card_id": "card-1", "timestamp": START_MS + number,
        "amount": 100, "currency": "EUR", "score": 0.5, "decision": decision, "threshold": 0.5,
    } | more  # fmt: skip


def ingest_decisions(settings: Settings) -> int:
    source = sources(settings)[2]
    commits = [
        commit
        for partition in range(settings.kafka.partitions)
        for commit in ingest_partition(settings, open_lake(settings), source, partition)
    ]
    return sum(commit.admitted for commit in commits)


def stored(settings: Settings) -> list[dict[str, Any]]:
    return sorted(read_decisions(open_lake(settings)).to_pylist(), key=lambda row: row["transaction_id"])


def test_what_was_approved_as_any_other_is_not_kept(settings: Settings) -> None:
    # given predictions of every kind
    produce(settings, settings.topics.predictions, [
        prediction(0), prediction(1, "review"), prediction(2, "decline"), prediction(3, "challenge"),
        prediction(6, would_be="approve", control_share=0.01),
        prediction(4, would_be="decline", control_share=0.01, policy="3"), prediction(5, is_sample=True),
    ])  # fmt: skip
    # when they are ingested
    assert ingest_decisions(settings) == 5
    # then the lake has all but the first, with what weights are made of
    assert [row["transaction_id"] for row in stored(settings)] == ["t1", "t2", "t3", "t4", "t5"]
    assert stored(settings)[3] == {
        "transaction_id": "t4", "card_id": "card-1", "decision": "approve", "would_be": "decline",
        "control_share": 0.01, "is_sample": False,
    }  # fmt: skip
    assert stored(settings)[4]["is_sample"]


@given(
    decision=st.sampled_from(OUTCOMES),
    would_be=st.sampled_from([None, *OUTCOMES]),
    is_sample=st.booleans(),
    fields=st.none()
    | st.dictionaries(st.sampled_from(["decision", "would_be", "x"]), st.sampled_from(OUTCOMES)),
)
def test_a_message_leaves_a_row_exactly_if_its_decision_is_kept(
    decision: Outcome, would_be: Outcome | None, is_sample: bool, fields: dict[str, Any] | None
) -> None:
    # given a prediction as serving writes it, of a payment whose own fields may have any name
    one = Prediction(
        "t1", "c1", START_MS, 100, "EUR", 0.5, decision, 0.5, "m", "1", 1, START_MS,
        fields=fields, would_be=would_be, is_sample=is_sample,
    )  # fmt: skip
    message = FakeMessage(msgspec.json.encode(one))
    # when it is read
    rows, rejected = DecisionRowReader().read([message])
    # then there is a row if the decision says so
    kept = (would_be or decision) != "approve" or is_sample
    assert (rows.num_rows, rejected) == (int(kept), [])


@dataclass(frozen=True)
class FakeMessage:
    content: bytes

    def value(self) -> bytes:
        return self.content

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 0

    def timestamp(self) -> tuple[int, int]:
        return 1, START_MS


def test_every_decision_is_there_once_however_often_ingest_runs(settings: Settings) -> None:
    # given predictions that were ingested, and others that came since, one of them aborted
    topic = settings.topics.predictions
    produce(settings, topic, [prediction(1, "decline"), b"no json"])
    assert ingest_decisions(settings) == 1
    abort(settings, prediction(7, "decline"))
    produce(settings, topic, [prediction(2, "decline")])
    # when ingest runs twice more
    assert (ingest_decisions(settings), ingest_decisions(settings)) == (1, 0)
    # then each committed decision is there once
    assert [row["transaction_id"] for row in stored(settings)] == ["t1", "t2"]
    assert len(committed_files(open_lake(settings), "decisions")) == 2


def abort(settings: Settings, message: dict[str, Any]) -> None:
    producer = Producer(producer_config(settings, **{"transactional.id": "serving-7"}))
    producer.init_transactions(10)
    producer.begin_transaction()
    producer.produce(settings.topics.predictions, msgspec.json.encode(message), key=b"card-1")
    producer.flush(10)
    producer.abort_transaction(10)


@pytest.mark.parametrize(("day", "count"), [(0, 1), (1, 0)])
def test_decisions_are_found_by_the_day_of_their_payment(settings: Settings, day: int, count: int) -> None:
    produce(settings, settings.topics.predictions, [prediction(1, "decline")])
    ingest_decisions(settings)
    asked = day_of(START_MS) + timedelta(days=day)
    assert read_decisions(open_lake(settings), asked, asked).num_rows == count

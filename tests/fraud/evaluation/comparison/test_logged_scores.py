"""The champion's logged scores, joined with rows of the lake."""

import msgspec
import numpy as np
import pytest
from confluent_kafka import Producer

from fraud.definitions.features import DAY_MS
from fraud.errors import UnreachableError
from fraud.evaluation.comparison.logged_scores import (
    LoggedScore,
    as_logged,
    on_logged_rows,
    read_logged_scores,
)
from fraud.kafka.clients import flush, producer_config
from fraud.schema import Prediction
from fraud.settings import Settings
from fraud.training.splits import TimeRange
from tests.fraud.evaluation.comparison.predictions import prediction, predictions_of, send_predictions
from tests.fraud.training.synthetic import START_MS, dataset


def as_read(*predictions: Prediction) -> list[LoggedScore]:
    return msgspec.convert([msgspec.to_builtins(one) for one in predictions], list[LoggedScore], strict=False)


def test_scores_are_joined_on_card_and_transaction_and_the_first_answer_counts() -> None:
    # given answers to a few rows: one twice, one under another card, one to no row
    data = dataset(days=2, per_day=20)
    ids, cards = (data.identity[name].to_pylist() for name in ("transaction_id", "card_id"))
    moment = int(data.timestamps[0])
    logged = as_logged(
        as_read(
            prediction(ids[3], cards[3], moment, 0.3, "1"),
            prediction(ids[7], "another", moment, 0.9, "1"),
            prediction(ids[5], cards[5], moment, 0.5, "1"),
            prediction(ids[3], cards[3], moment, 0.8, "1"),
            prediction("unknown", "card", moment, 0.1, "1"),
        )
    )
    # when
    rows, scores = on_logged_rows(data, logged)
    # then
    assert rows.identity["transaction_id"].to_pylist() == [ids[3], ids[5]]
    assert scores.tolist() == [0.3, 0.5]
    assert logged.threshold == 0.5


def test_without_answers_there_are_no_rows() -> None:
    rows, scores = on_logged_rows(dataset(days=2, per_day=20), as_logged([]))
    assert (len(rows), len(scores)) == (0, 0)


@pytest.mark.broker
def test_only_answers_of_the_version_within_the_period_are_read(settings: Settings) -> None:
    # given answers of two versions, of another model, of another time, and something else
    data = dataset(days=4, per_day=30)
    period = TimeRange(START_MS + DAY_MS, START_MS + 3 * DAY_MS)
    ours = predictions_of(data, np.linspace(0, 1, len(data)), "2")
    others = predictions_of(data, np.zeros(len(data)), "1")
    foreign = [msgspec.structs.replace(one, model_name="another", model_version="2") for one in others]
    send_predictions(settings, [*others, *foreign, *ours])
    # when
    found = read_logged_scores(settings, "2", period)
    # then
    rows, scores = on_logged_rows(data, found)
    wanted = data.between(period)
    assert len(found) == len(rows) == len(wanted)
    assert rows.identity.equals(wanted.identity)
    assert np.array_equal(scores, np.linspace(0, 1, len(data))[np.isin(data.timestamps, wanted.timestamps)])


def test_a_model_is_its_digest_and_its_version_only_where_there_is_none() -> None:
    # given an answer of before there were digests, and one of since
    (old,) = as_read(prediction("t", "card", START_MS, 0.5, "1"))
    new = msgspec.structs.replace(old, model_digest="abc")
    # then another model that is "version 1" as well is not taken for it
    assert new.is_of("2", "abc")
    assert not new.is_of("1", "def")
    assert new.is_of("1", "")
    assert old.is_of("1", "abc")
    assert not old.is_of("2", "abc")


@pytest.mark.broker
def test_messages_that_are_no_predictions_are_passed_over(settings: Settings) -> None:
    producer = Producer(producer_config(settings))
    deep = b'{"x": ' * 5_000 + b"1" + b"}" * 5_000
    for poison in (b"", b"\xff", b'{"card_id": "\xff"}', deep, b'{"transaction_id": 1}'):
        producer.produce(settings.topics.predictions, poison, b"card", timestamp=START_MS)
    flush(producer, 10)
    send_predictions(settings, [prediction("t", "card", START_MS, 0.7, "1")])
    assert read_logged_scores(settings, "1", TimeRange(START_MS, START_MS + 1)).scores.tolist() == [0.7]


def test_without_kafka_it_is_a_sentence(local_settings: Settings) -> None:
    with pytest.raises(UnreachableError):
        read_logged_scores(local_settings, "1", TimeRange(0, 1))

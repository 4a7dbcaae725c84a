"""The topic of forgotten cards, on a real broker."""

import json

import pyarrow as pa
import pytest

from fraud.kafka.sending import Record, send_records
from fraud.privacy.forgotten import (
    ForgottenCard,
    ForgottenCards,
    card_digest,
    publish_forgotten,
    read_forgotten,
    remove_expired,
)
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.serving.world import read_all

NOW = 1_800_000_000_000


@pytest.mark.broker
def test_a_card_counts_as_forgotten_until_the_log_has_lost_it(settings: Settings) -> None:
    # given one that the log loses, and one that a topic keeps indefinitely
    publish_forgotten(settings, ["card-1"], ForgottenCard(NOW, NOW + 10))
    publish_forgotten(settings, ["card-2"], ForgottenCard(NOW))
    # then
    assert [read_forgotten(settings, NOW + 9).has(card) for card in ("card-1", "card-2")] == [True, True]
    assert [read_forgotten(settings, NOW + 10).has(card) for card in ("card-1", "card-2")] == [False, True]


@pytest.mark.broker
def test_the_topic_names_no_card_and_expired_entries_go(settings: Settings) -> None:
    # given
    publish_forgotten(settings, ["card-1"], ForgottenCard(NOW, NOW + 10))
    publish_forgotten(settings, ["card-2"], ForgottenCard(NOW))
    # when
    assert remove_expired(settings, NOW + 10) == 1
    # then
    messages = read_all(settings, settings.topics.forgotten)
    assert not [one for one in messages if b"card-" in (one.key() or b"") + (one.value() or b"")]
    assert messages[-1].key().decode() == card_digest("card-1")
    assert messages[-1].value() is None
    assert remove_expired(settings, NOW + 10) == 0


@pytest.mark.broker
def test_a_message_that_is_none_hides_no_other(settings: Settings) -> None:
    send_records(settings, settings.topics.forgotten, [Record(b"x", b"nonsense")])
    publish_forgotten(settings, ["card-1"], ForgottenCard(NOW))
    assert read_forgotten(settings, NOW).has("card-1")


@pytest.mark.broker
def test_without_the_topic_no_card_is_forgotten(make_settings: SettingsFactory, broker: str) -> None:
    assert not read_forgotten(make_settings(kafka={"bootstrap_servers": broker}))


def forgotten(*card_ids: str) -> ForgottenCards:
    return ForgottenCards({card_digest(one): ForgottenCard(NOW) for one in card_ids})


def test_rows_of_other_cards_stay() -> None:
    rows = pa.table({"card_id": ["a", "b", "a", "c"], "amount": [1, 2, 3, 4]})
    assert forgotten("a", "c").without(rows).to_pydict() == {"card_id": ["b"], "amount": [2]}
    assert ForgottenCards().without(rows) is rows


@pytest.mark.parametrize("card_id", ["card-1", "with blank", 'quo"ted', "Ünïcode"])
def test_a_card_is_found_in_a_message_by_its_digest(card_id: str) -> None:
    for is_ascii in (True, False):
        message = json.dumps({"transaction_id": "t", "card_id": card_id}, ensure_ascii=is_ascii).encode()
        assert forgotten(card_id).is_named_in(message)
        assert forgotten(card_id).is_named_in(message[:-1])
        assert not forgotten("other").is_named_in(message)

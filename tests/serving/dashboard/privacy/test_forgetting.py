"""A card leaves the dashboard's database, on SQLite and PostgreSQL, whatever the follower does meanwhile."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from fraud.privacy.cards import NamedCard
from fraud.privacy.forgotten import ForgottenCard, ForgottenCards, card_digest
from fraud.schema import Label
from fraud.settings import Settings
from serving.dashboard.cases.tables import case_actions
from serving.dashboard.database.urls import database_of
from serving.dashboard.feed.audit import add_audit_entry
from serving.dashboard.feed.recorder import Batch, Recorder
from serving.dashboard.feed.store import Store
from serving.dashboard.feed.tables import metadata
from serving.dashboard.privacy.forgetting import find_in_history, forget_in_history
from tests.serving.dashboard.feed.writing import execute, recorder_on, rows_of, value_of
from tests.serving.dashboard.support import now_ms, payment, prediction_for, wait_for

CARD = NamedCard(frozenset({"card-of-ada"}))
OTHER = "card-of-bob"
FORGOTTEN = ForgottenCard(1, None)


def write(recorder: Recorder, card_id: str, number: int) -> None:
    """A payment that is flagged, and a report on it."""
    paid = payment(number, card_id=card_id, merchant_id=f"merchant of {card_id}")
    label = Label(paid.transaction_id, card_id, True, paid.timestamp)
    recorder.write(Batch(transactions=[paid], predictions=[prediction_for(paid)], labels=[label]))


@pytest.fixture
def filled(store: Store, local_settings: Settings) -> Store:
    """A store with two cards in every table that has cards."""
    recorder = recorder_on(store, local_settings)
    for number, card_id in enumerate((*CARD.ids, OTHER)):
        write(recorder, card_id, number)
        reference = store.card_ref(card_id)
        execute(
            store,
            "INSERT INTO reviews (id, transaction_id, card_id, outcome, note, analyst, decided_at, pending) "
            "VALUES (:id, 't', :card, 'fraud', '', 'ann', 1, 0)",
            id=card_id,
            card=card_id,
        )
        with store.write_transaction() as connection:
            action = {"card_ref": reference, "timestamp": 1, "transaction_id": "t", "by": "ann", "at": 1}
            connection.execute(
                case_actions.insert().values(**action, action="claim", note="", assignee="ann")
            )
            add_audit_entry(
                connection, "ann", "review", "t", {"card_ref": reference, "note": f"see {card_id}"}
            )
    recorder._connection.close()
    return store


def text_of(store: Store) -> str:
    """Every value of every table."""
    tables = [table.name for table in metadata.sorted_tables]
    return "\n".join(str(dict(row)) for name in tables for row in rows_of(store, f"SELECT * FROM {name}"))


def test_the_card_goes_from_every_table_and_others_stay(filled: Store) -> None:
    # given
    before, found = text_of(filled), find_in_history(filled, CARD)
    reference = filled.card_ref("card-of-ada")
    assert before.count("card-of-ada") > 5
    # when
    results = forget_in_history(filled, CARD, FORGOTTEN, "eve")
    # then neither the card nor its reference is there
    after = text_of(filled)
    assert "card-of-ada" not in after
    assert reference not in after
    # and the other card is all there
    assert after.count(OTHER) == before.count(OTHER)
    # and what was to be removed was removed
    counts = {one.store: one.removed for one in results if one.removed}
    assert counts == {one.store: one.removed for one in found if one.removed}
    assert counts == {
        f"dashboard: {name}": 1
        for name in ("payments", "alerts", "labels", "reviews", "cards", "case_actions", "audit")
    }


def test_the_audit_keeps_who_did_what_with_a_random_token(filled: Store) -> None:
    forget_in_history(filled, CARD, FORGOTTEN, "eve")
    review, _, forgotten = rows_of(filled, "SELECT * FROM audit ORDER BY seq")
    # the token stands for the card in its entries, and in that of who forgot it
    token = forgotten["subject"]
    assert token.startswith("forgotten-")
    assert (review["who"], review["action"]) == ("ann", "review")
    assert review["detail"].count(token) == 2
    assert (forgotten["who"], forgotten["action"]) == ("eve", "forget card")


def test_the_audit_is_append_only_again(filled: Store) -> None:
    forget_in_history(filled, CARD, FORGOTTEN, "eve")
    for attack in ("DELETE FROM audit", "UPDATE audit SET who = 'nobody'"):
        with pytest.raises(DatabaseError, match="append only"):
            execute(filled, attack)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_byte_of_the_file_has_the_card(filled: Store, local_settings: Settings) -> None:
    # given a file, whose deleted rows SQLite leaves in free pages and in its write-ahead log
    database = database_of(local_settings)
    assert isinstance(database, Path)
    assert files_with(database, b"card-of-ada")
    # when
    results = forget_in_history(filled, CARD, FORGOTTEN, "eve")
    # then
    assert files_with(database, b"card-of-ada") == []
    assert files_with(database, filled.card_ref("card-of-ada").encode()) == []
    assert not [one for one in results if "until readers" in one.kept]


def files_with(database: Path, text: bytes) -> list[str]:
    files = database.parent.glob(f"{database.name}*")
    return [path.name for path in files if text in path.read_bytes()]


def test_what_kafka_still_holds_is_not_stored_again(filled: Store, local_settings: Settings) -> None:
    # given a follower that was there before the card was forgotten
    recorder = recorder_on(filled, local_settings)
    forget_in_history(filled, CARD, FORGOTTEN, "eve")
    # when it reads the card's messages, and another's
    write(recorder, "card-of-ada", 10)
    write(recorder, OTHER, 11)
    recorder._connection.close()
    # then
    assert "card-of-ada" not in text_of(filled)
    assert value_of(filled, "SELECT count(*) FROM alerts") == 2


def test_a_new_database_learns_from_the_topic_who_is_forgotten(
    store: Store, local_settings: Settings
) -> None:
    # given
    recorder = recorder_on(store, local_settings)
    digest = card_digest("card-of-ada")
    recorder.remember_forgotten(ForgottenCards({digest: ForgottenCard(1, now_ms() + 60_000)}))
    # then
    write(recorder, "card-of-ada", 1)
    assert "card-of-ada" not in text_of(store)
    # and once Kafka has lost its messages, a card that pays again is stored
    recorder.remember_forgotten(ForgottenCards({digest: ForgottenCard(1, now_ms() - 1)}))
    write(recorder, "card-of-ada", 2)
    recorder._connection.close()
    assert "card-of-ada" in text_of(store)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_batch_that_is_being_written_is_waited_for(filled: Store, connection: Connection) -> None:
    # given a batch on PostgreSQL, which has looked for forgotten cards and is not committed
    recorder = Recorder(connection, "cluster", Settings(), filled.card_ref)
    reached, go_on = threading.Event(), threading.Event()

    def held(*_: object) -> bool:
        reached.set()
        return not go_on.wait(20)

    recorder._pruning.run = held  # type: ignore[method-assign]
    writing = threading.Thread(target=write, args=(recorder, "card-of-ada", 12))
    writing.start()
    assert reached.wait(20)
    # when the card is forgotten meanwhile
    forgetting = threading.Thread(target=forget_in_history, args=(filled, CARD, FORGOTTEN, "eve"))
    forgetting.start()
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    wait_for(lambda: value_of(filled, waiting))
    go_on.set()
    writing.join(20)
    forgetting.join(20)
    # then the batch is stored first, and the card removed after it
    assert "card-of-ada" not in text_of(filled)

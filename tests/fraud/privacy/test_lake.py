"""A card leaves every file of a lake, and the lake stays whole."""

from typing import Any

import pyarrow as pa
import pytest

from fraud.errors import DataError
from fraud.ingest.commits import committed_files, read_commits
from fraud.lake import Lake, open_lake
from fraud.preprocess.days import DayManifest, day_folder, read_days, write_day
from fraud.preprocess.plan import LakeIndex, fingerprint
from fraud.privacy.cards import NamedCard
from fraud.privacy.forgotten import ForgottenCard, ForgottenCards, card_digest
from fraud.privacy.lake import forget_again, forget_in_lake
from fraud.settings import Settings
from tests.fraud.lakes import GrowingLake
from tests.fraud.streams import START_MS, label, transaction

CARD = NamedCard(frozenset({"card-3"}))
HOUR_MS = 3_600_000


def stream() -> list[dict[str, Any]]:
    """70 payments of seven cards in three days, one with the id of another payment."""
    made = [transaction(number, START_MS + number * HOUR_MS) for number in range(70)]
    return [*made, transaction(3, START_MS + 70 * HOUR_MS, amount="999.00")]


@pytest.fixture
def lake(local_settings: Settings) -> Lake:
    growing = GrowingLake(local_settings, open_lake(local_settings))
    growing.add(growing.transactions, stream())
    growing.add(growing.labels, [label(number, START_MS + 80 * HOUR_MS) for number in range(10)])
    return growing.lake


def cards_of(lake: Lake) -> set[str]:
    paths = [path for path in lake.list_files("") if "_rejected" not in path]
    return {card for path in paths for card in lake.read_table(path)["card_id"].to_pylist()}


def write_features(lake: Lake) -> DayManifest:
    """Training rows of a day, which two files have."""
    paths = [f"{day_folder('features/v1', DAY)}/part-{number}.parquet" for number in range(2)]
    for number, path in enumerate(paths):
        cards = [f"card-{one}" for one in range(number, 7, 2)]
        lake.write_table(pa.table({"card_id": cards, "x": list(range(len(cards)))}), path)
    manifest = DayManifest(DAY, "inputs", paths, 7)
    write_day(lake, "features/v1", manifest)
    return manifest


DAY = LakeIndex([], START_MS)._now


def test_its_rows_and_messages_go_and_others_stay(lake: Lake) -> None:
    # given a lake with a card's payments, a conflict and labels
    before = [one.removed for one in forget_in_lake(lake, CARD, is_dry_run=True)]
    assert cards_of(lake) == {f"card-{number}" for number in range(7)}
    # when it is forgotten
    results = forget_in_lake(lake, CARD)
    # then the report says how much
    assert {one.store: one.removed for one in results} == {
        "lake: labels": 1,
        "lake: transactions": 10,
        "lake: transactions/_rejected": 1,
    }
    assert before == [one.removed for one in results]
    # and nothing names the card, while every other payment is there
    assert forget_in_lake(lake, CARD) == []
    assert cards_of(lake) == {f"card-{number}" for number in range(7)} - {"card-3"}
    kept = [lake.read_table(file.path).num_rows for file in committed_files(lake, "transactions")]
    assert sum(kept) == 60


def test_commits_and_what_was_computed_of_others_stay(lake: Lake) -> None:
    # given
    commits, index = read_commits(lake, "transactions"), LakeIndex.of_transactions(lake)
    manifest = write_features(lake)
    # when
    forget_in_lake(lake, CARD)
    # then the fingerprints are the same, so that no day is computed again
    assert read_commits(lake, "transactions") == commits
    after = LakeIndex.of_transactions(lake)
    assert fingerprint(after.within(after.first, after.last)) == fingerprint(
        index.within(index.first, index.last)
    )
    # and the manifest counts the rows that its files have
    (counted,) = read_days(lake, "features/v1").values()
    assert (counted.rows, counted.inputs) == (6, manifest.inputs)
    assert sum(lake.read_table(path).num_rows for path in counted.files) == 6


def test_a_card_is_removed_by_its_digest_too(lake: Lake) -> None:
    # given a card of which only the digest is known
    cards = ForgottenCards({card_digest("card-3"): ForgottenCard(START_MS)})
    # then
    assert forget_again(lake, cards) == 12
    assert forget_in_lake(lake, CARD) == []
    assert forget_again(lake, ForgottenCards()) == 0


def test_a_file_that_cannot_be_read_is_named(lake: Lake) -> None:
    lake.write_bytes(b"PAR1 broken", "features/v1/date=2024-01-01/part-0.parquet")
    with pytest.raises(DataError, match=r"features/v1/date=2024-01-01/part-0\.parquet cannot be read"):
        forget_in_lake(lake, CARD)

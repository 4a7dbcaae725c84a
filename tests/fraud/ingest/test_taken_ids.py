"""One id is one payment in the lake too, from run to run."""

from collections.abc import Callable
from typing import Any

import pytest

from fraud.definitions.features import DAY_MS
from fraud.ingest.commits import last_commit, read_commits
from fraud.ingest.partition import ingest_partition, sources
from fraud.kafka.topics import create_topics
from fraud.lake import Lake, open_lake
from fraud.native.id_index import CONFLICT_REASON
from fraud.settings import Settings
from tests.conftest import SettingsFactory
from tests.fraud.streams import START_MS, produce, transaction


def removed(lake: Lake, path: str) -> None:
    lake.remove(path)


def damaged(lake: Lake, path: str) -> None:
    lake.write_bytes(b"x" * 48, path)


def kept(lake: Lake, path: str) -> None:
    """The state as the run before has left it."""


@pytest.fixture
def one_partition(make_settings: SettingsFactory, broker: str) -> Settings:
    """Topics of one partition, and few messages per commit."""
    made = make_settings(kafka={"bootstrap_servers": broker, "partitions": 1}, ingest={"chunk_rows": 3})
    create_topics(made)
    return made


def ingest(settings: Settings, *stream: dict[str, Any]) -> list[str]:
    """What became of the transactions of one run: the amounts of the rows, and the rejected offsets."""
    produce(settings, settings.topics.transactions, stream)
    lake = open_lake(settings)
    commits = ingest_partition(settings, lake, sources(settings)[0], 0)
    files = [file.path for commit in commits for file in commit.files]
    amounts = [str(row["amount"]) for path in files for row in lake.read_table(path).to_pylist()]
    return amounts + [reason for commit in commits for reason in commit.reasons]


@pytest.mark.parametrize("happens", [kept, removed, damaged])
def test_an_id_stays_taken_from_run_to_run(
    one_partition: Settings, happens: Callable[[Lake, str], None]
) -> None:
    # given a lake whose runs have seen an id on day 0 and, with another amount, on day 20
    first = transaction(1, START_MS, amount="1.00")
    assert ingest(one_partition, first, first) == ["100", "100"]
    others = [transaction(100 + day, START_MS + day * DAY_MS, amount="9.00") for day in range(0, 20, 2)]
    again = first | {"timestamp": START_MS + 20 * DAY_MS, "amount": "2.00"}
    assert ingest(one_partition, *others, again) == ["900"] * 10 + [f"offset 12: {CONFLICT_REASON}"]
    # when its state is there, lost or damaged, and the id comes on day 40 and, on another card, on day 70
    (path,) = (lake := open_lake(one_partition)).list_files("transactions/_commits/_ids/p0", ".taken")
    happens(lake, path)
    third = again | {"timestamp": START_MS + 40 * DAY_MS, "amount": "3.00"}
    late = again | {"timestamp": START_MS + 70 * DAY_MS, "card_id": "another"}
    found = ingest(one_partition, third, late)
    # then the use of day 20 has kept it taken on day 40, and on day 70 it is a new payment's
    assert found == ["200", f"offset 13: {CONFLICT_REASON}"]
    # and the lake has what it did not let in
    kept_aside = [commit.rejected for commit in read_commits(lake, "transactions") if commit.rejected]
    values = [row["value"] for name in kept_aside for row in lake.read_table(name).to_pylist()]
    assert [b'"amount": "2.00"' in values[0], b'"amount": "3.00"' in values[1]] == [True, True]


def test_a_run_that_died_before_it_kept_its_ids_is_made_up_for(one_partition: Settings) -> None:
    # given a second run that ended before it kept what is taken
    ingest(one_partition, transaction(1, START_MS))
    lake = open_lake(one_partition)
    (path,) = lake.list_files("transactions/_commits/_ids/p0", ".taken")
    with lake.open(path) as source:
        before = source.read()
    ingest(one_partition, transaction(2, START_MS))
    chain = last_commit(lake, "transactions", 0)
    assert chain is not None
    lake.remove(f"transactions/_commits/_ids/p0/{chain.end:020d}.taken")
    lake.write_bytes(before, path)
    # when both ids come with other amounts
    reused = [transaction(number, START_MS, amount="7.00") for number in (1, 2)]
    # then both are known
    assert len([one for one in ingest(one_partition, *reused) if CONFLICT_REASON in one]) == 2

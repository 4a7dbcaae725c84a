"""Repeated identifiers are found over the whole of a file, whatever its chunks, within a bound."""

from pathlib import Path

import pyarrow as pa
import pytest

from fraud.settings import Settings
from producer.inspection import report
from producer.inspection.report import inspect_files
from producer.replay.files import source
from producer.replay.rows.repeated_ids import RepeatedIdCounter
from tests.definitions import V1
from tests.producer.replay.files.reading import HEADER, dry_run, write

FAR_APART = 40_000


def ids(*names: str | None) -> pa.Array:
    return pa.array(names, pa.string())


@pytest.fixture
def far_apart(tmp_path: Path) -> Path:
    """Payments of which the last has the id of the first, many chunks of text before it."""
    numbers = [*range(FAR_APART), 0]
    rows = (f"t{number},c{number % 50},shop-{number % 9},12.50,EUR,2026-06-01" for number in numbers)
    return write(tmp_path / "some.csv", HEADER, *rows)


def test_ids_that_come_again_are_counted_across_chunks() -> None:
    index = RepeatedIdCounter()
    for chunk in (ids("a", "b"), ids(), ids("b", None, None), ids("a", "a", "ä")):
        index.add(chunk)
    assert index.warnings() == [
        "transaction_id is repeated: 3 of 8 rows have an id that was there before, and of each id only the "
        "first counts"
    ]


def test_different_ids_are_nothing_to_warn_of() -> None:
    index = RepeatedIdCounter()
    index.add(ids("a", "b", "A", "a ", ""))
    assert index.warnings() == []


def test_rows_beyond_the_bound_are_named() -> None:
    # given an index of three rows
    index = RepeatedIdCounter(most=3)
    # when the fourth and fifth row repeat the first
    index.add(ids("a", "b"))
    index.add(ids("a", "a", "a"))
    # then what was compared and what was not is said
    repeated, bound = index.warnings()
    assert repeated.startswith("transaction_id is repeated: 1 of 3 rows")
    assert "first 3 rows only" in bound
    assert "the 2 rows after them" in bound


def test_replay_finds_an_id_repeated_in_a_later_chunk(
    local_settings: Settings, far_apart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "BLOCK_BYTES", 1 << 16)
    found = dry_run(local_settings, far_apart)
    assert found.good == FAR_APART + 1
    assert [one for one in found.warnings if "repeated: 1 of 40,001 rows" in one]


def test_inspection_finds_an_id_repeated_after_its_sample(
    local_settings: Settings, far_apart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a sample that ends within a chunk
    monkeypatch.setattr(source, "BLOCK_BYTES", 1 << 16)
    monkeypatch.setattr(report, "SAMPLE_ROWS", 5_000)
    # when the file is looked at
    found = inspect_files(V1, local_settings.admission, far_apart, None, None).transactions
    # then all its rows are counted, and the repetition is found
    assert (found.rows, found.sampled) == (FAR_APART + 1, 5_000)
    assert [one for one in found.suspicions if "repeated: 1 of 40,001 rows" in one.text]

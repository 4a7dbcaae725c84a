"""The lake on a folder: whole files, or none."""

import errno
from pathlib import Path

import pyarrow as pa
import pytest

from fraud.errors import ConfigurationError, DataError, UnreachableError
from fraud.lake import Lake, open_lake
from fraud.settings import load_settings


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return open_lake(load_settings(home=tmp_path / "home"))


def test_tables_and_documents_come_back(lake: Lake) -> None:
    table = pa.table({"a": [1, 2], "b": ["x", None]})

    lake.write_table(table, "some/date=2024-01-01/part.parquet")
    lake.write_json({"end": 7}, "some/_commits/p0.json")

    assert lake.read_table("some/date=2024-01-01/part.parquet").equals(table)
    assert lake.read_table("some/date=2024-01-01/part.parquet", ["b"]).column_names == ["b"]
    assert lake.read_json("some/_commits/p0.json") == {"end": 7}


def test_a_column_that_an_older_file_lacks_is_null(lake: Lake) -> None:
    # given a file from before a field was declared, with a column that nobody asks for
    lake.write_table(pa.table({"id": ["a", "b"], "amount": pa.array([1, 2], pa.int32()), "x": [0, 0]}), "old")
    schema = pa.schema([("device", pa.string()), ("amount", pa.int64()), ("id", pa.string())])
    # when it is read with the columns of today
    rows = lake.read_rows("old", schema)
    # then
    assert rows.schema == schema
    assert rows.to_pydict() == {"device": [None, None], "amount": [1, 2], "id": ["a", "b"]}


def test_a_column_of_another_type_is_refused_with_the_file(lake: Lake) -> None:
    lake.write_table(pa.table({"device": ["not a number"]}), "old.parquet")

    with pytest.raises(DataError, match=r"old\.parquet does not fit the definitions .*another name"):
        lake.read_rows("old.parquet", pa.schema([("device", pa.int64())]))


def test_a_large_file_is_read_in_pieces_to_where_it_is_wanted(lake: Lake) -> None:
    lake.write_bytes(b"head" + bytes(range(200)), "some/file.snapshot")

    piece = bytearray(150)
    with lake.open("some/file.snapshot") as source:
        found = source.read(4), source.readinto(piece), source.readinto(piece), source.read()

    assert found == (b"head", 150, 50, b"")
    assert bytes(piece) == bytes([*range(150, 200), *range(50, 150)])


def test_files_are_listed_sorted_by_suffix_and_relative(lake: Lake) -> None:
    for name in ("b/2.parquet", "b/1.parquet", "a/3.parquet", "b/1.json"):
        lake.write_json({}, f"some/{name}")

    assert lake.list_files("some") == ["some/a/3.parquet", "some/b/1.parquet", "some/b/2.parquet"]
    assert lake.list_files("some", ".json") == ["some/b/1.json"]
    assert lake.list_files("nowhere") == []


def test_a_rewritten_file_is_replaced(lake: Lake) -> None:
    lake.write_json(1, "some.json")
    lake.write_json(2, "some.json")

    assert lake.read_json("some.json") == 2
    assert lake.list_files("", ".json") == ["some.json"]


def test_a_failed_write_leaves_nothing_and_keeps_the_old(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.write_json("old", "folder/some.json")

    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(type(lake.filesystem), "mv", fail)
        with pytest.raises(OSError, match="no space"):
            lake.write_json("new", "folder/some.json")

    assert lake.read_json("folder/some.json") == "old"
    assert [path.name for path in Path(lake.path("folder")).iterdir()] == ["some.json"]


def test_a_full_disk_is_one_sentence_and_leaves_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(lake.filesystem), "mv", fill)
        with pytest.raises(UnreachableError, match="no space left for the lake"):
            lake.write_json("new", "folder/some.json")

    assert list(Path(lake.path("folder")).iterdir()) == []


def test_removing_takes_folders_and_forgives_absence(lake: Lake) -> None:
    lake.write_json(1, "folder/deep/some.json")

    lake.remove("folder")
    lake.remove("folder")

    assert not lake.exists("folder/deep/some.json")


def test_an_unknown_store_is_a_mistake_of_configuration() -> None:
    with pytest.raises(ConfigurationError, match="FRAUD_LAKE__URL"):
        open_lake(load_settings(lake={"url": "nonsense://x"}))

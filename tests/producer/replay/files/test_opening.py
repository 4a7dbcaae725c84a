"""Opening a user's file: lines, delimiters, compression, Parquet."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraud.errors import DataError
from producer.replay.files.opening import open_source
from producer.replay.files.source import FileOptions


def read_all(path: Path) -> tuple[list[tuple[int, dict[str, Any]]], list[tuple[int, str, Sequence[object]]]]:
    rejected: list[tuple[int, str, Sequence[object]]] = []
    rows = [
        (int(position), row)
        for chunk in open_source(path).chunks(lambda *row_values: rejected.append(row_values))
        for position, row in zip(chunk.positions, chunk.rows.to_pylist(), strict=True)
    ]
    return rows, rejected


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    # given: a blank line, a misshapen one, a line break in quotes, bytes that are not UTF-8
    path = tmp_path / "some.csv"
    path.write_bytes(b'a,b\n1,2\n\n3\n"x\ny",4\n5,6,7\n8,\xff\n9,10\n\n11,\n1\n')

    rows, rejected = read_all(path)

    assert [(position, row["a"]) for position, row in rows] == [
        (2, b"1"),
        (5, b"x\ny"),
        (8, b"8"),
        (9, b"9"),
        (11, b"11"),
    ]
    assert rows[2][1]["b"] == b"\xff"
    assert rejected == [
        (4, "has 1 columns, the header 2", ["3"]),
        (7, "has 3 columns, the header 2", ["5", "6", "7"]),
        (12, "has 1 columns, the header 2", ["1"]),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_byte_order_marks_and_gzip_are_read(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "some.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + f"a{delimiter}b\r\n1{delimiter}2\r\n".encode()))

    rows, rejected = read_all(path)

    assert (rows, rejected) == ([(2, {"a": b"1", "b": b"2"})], [])


def test_a_file_of_many_blocks_keeps_its_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("producer.replay.files.source.BLOCK_BYTES", 64)
    path = tmp_path / "some.csv"
    path.write_text("a,b\n" + "".join(f"{n},x\n" if n % 7 else f"{n}\n" for n in range(2, 500)))

    rows, rejected = read_all(path)

    assert all(position == int(row["a"]) for position, row in rows)
    assert all(position == int(str(values[0])) for position, _, values in rejected)
    assert len(rows) + len(rejected) == 498


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.csv", None, "there is no file"),
        ("some.xlsx", b"x", "cannot be read"),
        ("empty.csv", b"", "no header line"),
        ("twice.csv", b"a,a\n1,2\n", "more than one column named 'a'"),
        ("broken.parquet", b"PAR1", "cannot be read"),
        ("broken.csv.gz", b"a,b\n1,2\n", "cannot be read"),
    ],
)
def test_an_unusable_file_is_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        read_all(tmp_path / name)


def test_a_header_that_cannot_be_decoded_is_one_sentence(tmp_path: Path) -> None:
    # given names with a byte that Windows-1252 does not know
    path = tmp_path / "some.csv"
    path.write_bytes(b"card_id,am\x81\n1,2\n")
    # then neither replay nor inspect meets them
    with pytest.raises(DataError, match="bytes of its header, line 1, cannot be decoded"):
        open_source(path, FileOptions(encoding="cp1252"))


def test_parquet_rows_are_numbered_from_one(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [5, 6]}), tmp_path / "some.parquet")

    assert read_all(tmp_path / "some.parquet") == ([(1, {"a": 5}), (2, {"a": 6})], [])

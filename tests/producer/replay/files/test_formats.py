"""Encodings, dialects, compressions and formats: rows are read, or put aside with a reason."""

import bz2
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.errors import ConfigurationError, DataError
from producer.replay.files.opening import open_source
from producer.replay.files.quotes import MAX_SPAN
from producer.replay.files.source import FileOptions
from tests.producer.replay.files.reading import HEADER, ROWS, write

Rejected = list[tuple[int, str, Any]]
TEXT = "\n".join((HEADER, *ROWS)) + "\n"


def read(path: Path, **options: Any) -> tuple[list[tuple[int, dict[str, Any]]], Rejected]:
    rejected: Rejected = []
    source = open_source(path, FileOptions(**options))
    rows = [
        (
            int(position),
            {name: value.decode() if isinstance(value, bytes) else value for name, value in row.items()},
        )
        for chunk in source.chunks(lambda *row: rejected.append(row))
        for position, row in zip(chunk.positions, chunk.rows.to_pylist(), strict=True)
    ]
    return rows, rejected


def ids(path: Path, **options: Any) -> list[str]:
    rows, rejected = read(path, **options)
    assert not rejected
    return [row["transaction_id"] for _, row in rows]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "iso-8859-1"]
)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_are_recognised(tmp_path: Path, encoding: str, ends: str) -> None:
    rows = [row.replace("shop-1", "Café Müller") for row in ROWS]
    path = write(tmp_path / "some.csv", HEADER, *rows, ends=ends, encoding=encoding)

    found, rejected = read(path)

    assert not rejected
    assert [(position, row["merchant_id"]) for position, row in found] == [
        (2, "Café Müller"), (3, "shop-2"), (4, "Café Müller"),
    ]  # fmt: skip


def test_cyrillic_is_recognised_or_named(tmp_path: Path) -> None:
    names = ["Магазин на углу", "Кофейня на углу", "Аптека номер пять"]
    rows = [row.replace("shop-1", names[n]).replace("shop-2", names[n]) for n, row in enumerate(ROWS)]
    path = write(tmp_path / "some.csv", HEADER, *rows, encoding="cp1251")

    source = open_source(path)

    assert "cp1251" in source.about.notes[0]
    assert "guess" in source.about.notes[0]
    assert [row["merchant_id"] for _, row in read(path)[0]] == names
    assert [row["merchant_id"] for _, row in read(path, encoding="cp1251")[0]] == names


def test_an_unknown_encoding_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="encoding 'klingon'"):
        read(write(tmp_path / "some.csv", TEXT), encoding="klingon")


def test_mixed_line_ends_blank_lines_and_no_last_end_keep_the_lines(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_bytes(f"{HEADER}\r\n{ROWS[0]}\n\r\n{ROWS[1]}\r{ROWS[2]}".encode())

    assert [position for position, _ in read(path)[0]] == [2, 4, 5]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~", "\x01"])
def test_delimiters_are_recognised(tmp_path: Path, delimiter: str) -> None:
    assert ids(write(tmp_path / "some.csv", TEXT.replace(",", delimiter))) == ["t1", "t2", "t3"]


def test_runs_of_spaces_are_a_delimiter(tmp_path: Path) -> None:
    assert ids(write(tmp_path / "some.txt", TEXT.replace(",", "   "))) == ["t1", "t2", "t3"]


@pytest.mark.parametrize(
    "before", [["# exported on Monday"], ["sep=,"], ["Report of payments", ""], ["My bank;;", "# by: me", ""]]
)
def test_what_is_before_the_header_is_left_out(tmp_path: Path, before: list[str]) -> None:
    found, rejected = read(write(tmp_path / "some.csv", *before, HEADER, *ROWS))

    assert not rejected
    assert [position for position, _ in found] == [len(before) + number for number in (2, 3, 4)]


def test_a_file_without_header_is_a_sentence_and_reads_with_names(tmp_path: Path) -> None:
    path = write(tmp_path / "some.csv", *ROWS)
    with pytest.raises(
        DataError, match=r"no header line: line 1 holds values; name its 6 columns .*file: \{header"
    ):
        read(path)
    assert ids(path, header=tuple(HEADER.split(","))) == ["t1", "t2", "t3"]


def test_nameless_empty_columns_are_ignored_also_where_only_the_rows_have_them(tmp_path: Path) -> None:
    both = write(tmp_path / "both.csv", *(line + ",,," for line in (HEADER, *ROWS)))
    rows = write(tmp_path / "rows.csv", HEADER, *(line + ",," for line in ROWS))

    assert ids(both) == ids(rows) == ["t1", "t2", "t3"]


def test_values_beyond_the_header_are_not_lost(tmp_path: Path) -> None:
    _, rejected = read(write(tmp_path / "some.csv", HEADER, *ROWS[:2], ROWS[2] + ",more"))

    assert [(position, reason) for position, reason, _ in rejected] == [(4, "has 7 columns, the header 6")]


# Quotes


def test_a_quote_that_is_never_closed_spoils_one_line(tmp_path: Path) -> None:
    rows = [row.replace("shop-2", '"JOE S DINER') for row in ROWS]
    found, rejected = read(write(tmp_path / "some.csv", HEADER, *rows))

    assert [position for position, _ in found] == [2, 4]
    assert [(position, reason[:32]) for position, reason, _ in rejected] == [
        (3, "a quote opens in this line and i")
    ]


@pytest.mark.parametrize("closed", [None, 5, MAX_SPAN - 1, MAX_SPAN + 5, 8_992])
def test_over_twenty_thousand_lines_no_row_disappears(tmp_path: Path, closed: int | None) -> None:
    lines = [f"t{n},c{n % 7},shop,1.00,EUR,2026-06-01 10:00:00" for n in range(20_000)]
    lines[100] = lines[100].replace("shop", '"JOE')
    if closed is not None:
        lines[100 + closed] = lines[100 + closed].replace("shop", 'JOE"')
    found, rejected = read(write(tmp_path / "some.csv", HEADER, *lines))

    assert len(found) + len(rejected) == 20_000
    assert len(rejected) <= MAX_SPAN
    assert rejected[0][0] == 102
    assert all(row["transaction_id"] == f"t{position - 2}" for position, row in found)


def test_values_of_several_lines_are_read_and_keep_the_numbers(tmp_path: Path) -> None:
    rows = [
        ROWS[0].replace("shop-1", '"shop,\nsecond\n\nfloor"'),
        ROWS[1].replace("shop-2", '"a ""b"" c"'),
        ROWS[2],
    ]
    found, rejected = read(write(tmp_path / "some.csv", HEADER, *rows))

    assert not rejected
    assert [(position, row["merchant_id"]) for position, row in found] == [
        (2, "shop,\nsecond\n\nfloor"), (6, 'a "b" c'), (7, "shop-1"),
    ]  # fmt: skip


def test_backslashes_before_quotes_are_understood(tmp_path: Path) -> None:
    rows = [row.replace("shop-2", '"JOE\\"S, DINER"') for row in ROWS]
    found, rejected = read(write(tmp_path / "some.csv", HEADER, *rows))

    assert not rejected
    assert found[1][1]["merchant_id"] == 'JOE"S, DINER'


def test_quotes_inside_of_values_are_letters(tmp_path: Path) -> None:
    rows = [row.replace("shop-2", 'TV 32" SHOP') for row in ROWS]
    assert read(write(tmp_path / "some.csv", HEADER, *rows))[0][1][1]["merchant_id"] == 'TV 32" SHOP'


@given(st.lists(st.lists(st.text('ab"\n,', max_size=6), min_size=2, max_size=2), min_size=1, max_size=12),
       st.integers(100, 300))  # fmt: skip
def test_whatever_is_quoted_well_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], block: int
) -> None:
    import csv

    stream = io.StringIO()
    csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([["one", "two"], *rows])
    path = tmp_path_factory.mktemp("quoted") / "some.csv"
    path.write_text(stream.getvalue())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("producer.replay.files.source.BLOCK_BYTES", block)
        found, rejected = read(path, delimiter=",")

    lines = stream.getvalue().split("\n")
    suspicious = any(line.count(",") == 1 and line.count('"') % 2 for line in lines)
    if not suspicious:
        assert [[row["one"] or "", row["two"] or ""] for _, row in found] == [row for row in rows if any(row)]
    assert rejected == [] or suspicious


@given(st.binary(max_size=300))
def test_no_bytes_lose_a_row_silently(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    path = tmp_path_factory.mktemp("noise") / "some.csv"
    path.write_bytes(TEXT.encode() + noise.replace(b"\n", b"\n") + b"\n" + TEXT.encode())
    try:
        found, rejected = read(path, encoding="latin-1", delimiter=",")
    except DataError:
        return
    assert [row["transaction_id"] for _, row in found][:3] == ["t1", "t2", "t3"]
    assert all(reason for _, reason, _ in rejected)


def test_lines_with_nul_bytes_are_put_aside(tmp_path: Path) -> None:
    path = write(tmp_path / "some.csv", HEADER, *ROWS, "t4,c\0,s,1,EUR,2026-06-01", "\0" * 50)

    found, rejected = read(path)

    assert len(found) == 3
    assert [(position, reason) for position, reason, _ in rejected] == [
        (5, "holds NUL bytes"),
        (6, "holds NUL bytes"),
    ]


# Compression and formats


def _zip(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("payments.csv", content)
    return stream.getvalue()


_PACKED: dict[str, Callable[[bytes], bytes]] = {
    "some.csv.gz": gzip.compress,
    "some.csv.bz2": bz2.compress,
    "some.zip": _zip,
    "some.csv": gzip.compress,
    "some.csv.zst": lambda content: _zst(content),
}


def _zst(content: bytes) -> bytes:
    stream = pa.BufferOutputStream()
    with pa.CompressedOutputStream(stream, "zstd") as packed:
        packed.write(content)
    return stream.getvalue().to_pybytes()  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", list(_PACKED))
def test_compressed_files_are_read_by_their_content(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(_PACKED[name](TEXT.encode()))
    assert ids(tmp_path / name) == ["t1", "t2", "t3"]


@pytest.mark.parametrize("name", ["some.csv.gz", "some.csv.bz2", "some.csv.zst", "some.zip"])
def test_truncated_files_are_a_sentence(tmp_path: Path, name: str) -> None:
    lines = "".join(f"t{n * 7919 % 10_007},c,s,{n}.5,EUR,2026-06-01\n" for n in range(9_000))
    packed = _PACKED[name]((HEADER + "\n" + lines).encode())
    (tmp_path / name).write_bytes(packed[: len(packed) * 2 // 3])
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("some.csv", b"", "is empty"),
        ("some.csv", b"\n\n  \n", "is empty"),
        ("some.csv", b"\xef\xbb\xbf", "empty|no header"),
        ("some.csv", b"\0" * 100, "empty|no header"),
        ("some.xlsx", b"x", "cannot be read"),
        ("some.avro", b"Obj\x01rest", "is Avro, which is not read"),
        ("some.csv.gz", TEXT.encode(), "its name says gzip"),
        ("some.jsonl", b"\n", "holds no JSON object"),
        ("some.json", b"[1, 2", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        read(tmp_path / name)


def test_json_lines_keep_digits_and_flatten_what_is_nested(tmp_path: Path) -> None:
    path = write(
        tmp_path / "some.jsonl",
        '{"transaction_id": "t1", "amount": 12.10, "card": {"id": 4111111111111111}, "x": null}',
        "not json",
        '["t2"]',
        '{"transaction_id": "t3", "amount": 1e2}',
    )

    found, rejected = read(path)

    assert found == [
        (1, {"transaction_id": "t1", "amount": "12.10", "card.id": "4111111111111111", "x": None}),
        (4, {"transaction_id": "t3", "amount": "1e2", "card.id": None, "x": None}),
    ]
    assert [position for position, _, _ in rejected] == [2, 3]
    array = write(
        tmp_path / "some.json", json.dumps([{"transaction_id": "t1"}, {"transaction_id": "t2"}], indent=1)
    )
    assert ids(array) == ["t1", "t2"]


def test_workbooks_are_read(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["Payments of June"])
    book.active.append(["transaction_id", "card_id", "timestamp", "amount"])
    book.active.append(["t1", 4111, datetime(2026, 6, 1, 10, tzinfo=UTC).replace(tzinfo=None), 12.5])
    book.active.append([None, None, None, None])
    book.active.append(["t2", "007", datetime(2026, 6, 1, 11, 30, tzinfo=UTC).replace(tzinfo=None), 8])
    book.save(tmp_path / "some.xlsx")

    found, rejected = read(tmp_path / "some.xlsx")

    assert not rejected
    assert found == [
        (
            3,
            {"transaction_id": "t1", "card_id": "4111", "timestamp": "2026-06-01 10:00:00", "amount": "12.5"},
        ),
        (5, {"transaction_id": "t2", "card_id": "007", "timestamp": "2026-06-01 11:30:00", "amount": "8"}),
    ]


# Folders


def test_folders_and_patterns_of_part_files_are_one_file(tmp_path: Path) -> None:
    folder = tmp_path / "payments.parquet"
    for day in ("2026-06-01", "2026-06-02"):
        (folder / f"date={day}").mkdir(parents=True)
        pq.write_table(
            pa.table({"transaction_id": [f"{day}-a", f"{day}-b"]}), folder / f"date={day}" / "part-0.parquet"
        )
    (folder / "_SUCCESS").touch()
    (folder / ".part-0.parquet.crc").write_bytes(b"x")

    found, _ = read(folder)

    assert [(position, row) for position, row in found] == [
        (1, {"transaction_id": "2026-06-01-a", "date": "2026-06-01"}),
        (2, {"transaction_id": "2026-06-01-b", "date": "2026-06-01"}),
        (3, {"transaction_id": "2026-06-02-a", "date": "2026-06-02"}),
        (4, {"transaction_id": "2026-06-02-b", "date": "2026-06-02"}),
    ]
    assert ids(Path(f"{folder}/*/*.parquet"))[3] == "2026-06-02-b"


def test_rows_of_a_folder_are_named_by_file_and_line(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", HEADER, *ROWS)
    write(tmp_path / "b.csv", HEADER, ROWS[0], "broken")
    source, rejected = open_source(tmp_path), []

    found = [
        position
        for chunk in source.chunks(lambda *row: rejected.append(row[0]))
        for position in chunk.positions
    ]

    assert [source.describe_position(int(position)) for position in found] == [
        "line 2 of a.csv", "line 3 of a.csv", "line 4 of a.csv", "line 2 of b.csv",
    ]  # fmt: skip
    assert [source.describe_position(position) for position in rejected] == ["line 3 of b.csv"]


def test_folders_without_files_or_of_different_columns_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no files"):
        read(tmp_path)
    with pytest.raises(DataError, match="no file that fits"):
        read(tmp_path / "*.csv")
    write(tmp_path / "a.csv", "a,b", "1,2", "3,4")
    write(tmp_path / "b.csv", "a,c", "x,y", "z,z")
    with pytest.raises(DataError, match=r"lacks b, unlike a.csv"):
        read(tmp_path)


def test_unusual_types_of_parquet_are_read(tmp_path: Path) -> None:
    table = pa.table(
        {
            "transaction_id": pa.array(["t1", "t2"]).dictionary_encode(),
            "amount": pa.array([Decimal("1.10"), None], pa.decimal128(10, 2)),
            "at": pa.array([1, 2], pa.timestamp("ns", "Europe/Berlin")),
            "card": pa.array([{"id": "c1"}, {"id": None}]),
        }
    )
    pq.write_table(table, tmp_path / "some.parquet", use_deprecated_int96_timestamps=False)

    found, _ = read(tmp_path / "some.parquet")

    assert [(row["transaction_id"], row["amount"], row["card.id"]) for _, row in found] == [
        ("t1", Decimal("1.10"), "c1"), ("t2", None, None),
    ]  # fmt: skip

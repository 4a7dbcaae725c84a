"""Reading, checking and joining a user's files; nothing here needs Kafka."""

import gzip
import json
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.errors import ConfigurationError, DataError
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.settings import AdmissionSettings
from producer.replay.files.opening import open_source
from producer.replay.mapping.columns import (
    TRANSACTION_FIELDS,
    FieldSource,
    read_mapping,
    require_columns,
    resolve,
)
from producer.replay.publishing.pacing import PORTION_ROWS, portions
from producer.replay.rows.conform import AdmissionLimits, conform_transactions
from producer.replay.rows.labels import PLACED_LABELS, plan_labels
from producer.replay.rows.values import as_millis, as_minor, as_text
from producer.replay.staging.staging_file import StagingFile, StagingWriter
from producer.replay.survey import time_order

NOW = 1_700_000_000_000
LIMITS = AdmissionLimits(earliest=946_684_800_000, latest=NOW, max_amount=100_000_000)
GOOD = {
    "transaction_id": "t1",
    "card_id": "c1",
    "merchant_id": "m1",
    "amount": "12.50",
    "currency": "EUR",
    "timestamp": str(NOW),
}


def read_all(path: Path) -> tuple[list[tuple[int, dict[str, Any]]], list[tuple[int, str, Sequence[object]]]]:
    rejected: list[tuple[int, str, Sequence[object]]] = []
    rows = [
        (int(place), row)
        for chunk in open_source(path).chunks(lambda *row_values: rejected.append(row_values))
        for place, row in zip(chunk.places, chunk.rows.to_pylist(), strict=True)
    ]
    return rows, rejected


def conform(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[int, str]]:
    names = dict.fromkeys(name for row in rows for name in row)
    batch = pa.record_batch({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})
    columns = resolve({}, batch.schema.names, TRANSACTION_FIELDS)
    conformed, findings = conform_transactions(batch, columns, LIMITS)
    return conformed.to_pylist(), findings.reasons


# Reading


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    # given: a blank line, a misshapen one, a line break in quotes, bytes that are not UTF-8
    path = tmp_path / "some.csv"
    path.write_bytes(b'a,b\n1,2\n\n3\n"x\ny",4\n5,6,7\n8,\xff\n9,10\n\n11,\n1\n')

    rows, rejected = read_all(path)

    assert [(place, row["a"]) for place, row in rows] == [
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

    assert all(place == int(row["a"]) for place, row in rows)
    assert all(place == int(str(values[0])) for place, _, values in rejected)
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


def test_parquet_rows_are_numbered_from_one(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [5, 6]}), tmp_path / "some.parquet")

    assert read_all(tmp_path / "some.parquet") == ([(1, {"a": 5}), (2, {"a": 6})], [])


# Mapping


def test_a_mapping_names_columns_constants_formats_and_absences(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(
        "card_id: cc_num\ncurrency: {value: USD}\ntimestamp: {column: ts, format: epoch_s}\ncountry: null\n"
    )

    columns = resolve(read_mapping(path), ["cc_num", "ts", "country", "channel"], TRANSACTION_FIELDS)

    assert columns == {
        "card_id": FieldSource(column="cc_num"),
        "currency": FieldSource(value="USD"),
        "timestamp": FieldSource(column="ts", format="epoch_s"),
        "channel": FieldSource(column="channel"),
    }


@pytest.mark.parametrize(
    "text", ["", "- a", "a: [", "nonsense: x", "card_id: 5", "card_id: {column: a, format: iso}",
             "timestamp: {column: a, format: noon}", "card_id: {column: a, strange: 1}"],
)  # fmt: skip
def test_a_wrong_mapping_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "mapping.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match="the mapping"):
        read_mapping(tmp_path / "mapping.yaml")


def test_a_missing_column_is_named_with_what_is_there_and_what_is_needed() -> None:
    columns = resolve({"card_id": FieldSource(column="cc")}, ["id", "amount"], TRANSACTION_FIELDS)
    with pytest.raises(
        DataError, match=r"has no column cc: its columns are id, amount; needed are .*card_id"
    ):
        require_columns(columns, ["id", "amount"], ("card_id", "amount"), "the file")


# Values


@pytest.mark.parametrize(
    ("column", "layout", "expected"),
    [
        (["2021-03-04", "2021-03-04T05:06:07.123456Z", "2021-03-04 05:06:07+01:00"], None,
         [1_614_816_000_000, 1_614_834_367_123, 1_614_830_767_000]),
        (["2021-13-04", "noon", ""], None, [None, None, None]),
        (["1614816000000", " 1614816000000 "], None, [1_614_816_000_000] * 2),
        ([1_614_816_000_000], None, [1_614_816_000_000]),
        ([1_614_816_000.25], "epoch_s", [1_614_816_000_250]),
        (["1614816000", "x"], "epoch_s", [1_614_816_000_000, None]),
        (["04/03/2021 00:00", "13/13/2021 00:00"], "%d/%m/%Y %H:%M", [1_614_816_000_000, None]),
        (["2021-03-04 01:00:00.250+0100"], "%Y-%m-%d %H:%M:%S.%f%z", [1_614_816_000_250]),
    ],
)  # fmt: skip
def test_times_are_read(column: list[Any], layout: str | None, expected: list[int | None]) -> None:
    assert as_millis(pa.array(column), layout).to_pylist() == expected


def test_arrow_times_of_any_unit_are_read() -> None:
    for unit in ("s", "ms", "us", "ns"):
        times = pa.array([1_614_816_000], pa.int64()).cast(pa.timestamp("s")).cast(pa.timestamp(unit, "UTC"))
        assert as_millis(times, None).to_pylist() == [1_614_816_000_000]


@given(st.lists(st.integers(-(10**17), 10**17), max_size=20), st.sampled_from(["USD", "JPY", "KWD"]))
def test_amounts_as_text_are_exact(minors: list[int], currency: str) -> None:
    digits = {"USD": 2, "JPY": 0, "KWD": 3}[currency]
    texts = pa.array([str(Decimal(minor).scaleb(-digits)) for minor in minors], pa.string())

    amounts, reasons = as_minor(texts, pa.array([currency] * len(minors), pa.string()))

    assert (amounts.to_pylist(), reasons) == (minors, {})


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=20))
def test_amounts_as_floats_are_the_nearest_minor_unit(minors: list[int]) -> None:
    floats = pa.array([minor / 100 for minor in minors])
    assert as_minor(floats, pa.array(["EUR"] * len(minors)))[0].to_pylist() == minors


def test_large_whole_floats_stay_identifiers() -> None:
    assert as_text(pa.array([6584575441591452.0, 1.5, None])).to_pylist() == ["6584575441591452", "1.5", None]


# Checking


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("amount", "12,50", "amount '12,50' is not a number"),
        ("amount", "1.234", "amount 1.234 has more decimals than EUR knows"),
        ("amount", "-1", "a refund: amount '-1' is outside 0 to"),
        ("amount", "NaN", "amount"),
        ("amount", None, "amount is missing"),
        ("amount", "1e400000", "amount"),
        ("currency", "$", "currency"),
        ("card_id", None, "card_id is missing"),
        ("card_id", "", "card_id"),
        ("merchant_id", "m" * 65, "is longer than 64"),
        ("timestamp", "soon", "timestamp 'soon' cannot be read"),
        ("timestamp", "1", "is before the earliest allowed"),
        ("timestamp", str(NOW + 1), "is in the future"),
    ],
)
def test_a_bad_value_spoils_its_row_with_a_reason(field: str, value: str | None, reason: str) -> None:
    _, reasons = conform([GOOD, GOOD | {field: value}, GOOD])

    assert list(reasons) == [1]
    assert reason in reasons[1]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("latitude", "91", "latitude 91.0 is above 90"),
        ("longitude", "west", "longitude 'west' cannot be read"),
        ("country", "Atlantis", "country 'Atlantis' is longer than 3"),
    ],
)
def test_a_bad_value_of_an_optional_field_is_left_out(field: str, value: str, reason: str) -> None:
    batch = pa.record_batch({name: pa.array([text, text]) for name, text in (GOOD | {field: value}).items()})

    conformed, findings = conform_transactions(
        batch, resolve({}, batch.schema.names, TRANSACTION_FIELDS), LIMITS
    )

    assert not findings.reasons
    assert conformed[field].to_pylist() == [None, None]
    assert findings.left_out == {field: {0: reason, 1: reason}}


_texts = st.one_of(st.text(max_size=5), st.text(min_size=60, max_size=70), st.just("DE"))
_rows = st.fixed_dictionaries(
    {
        "transaction_id": _texts,
        "card_id": _texts,
        "merchant_id": _texts,
        "amount": st.one_of(
            st.decimals(allow_nan=True, allow_infinity=True).map(str),
            st.decimals(0, 1_000_000, places=2).map(str),
            st.text("0123456789.eE+-_ ", max_size=8),
        ),
        "currency": st.one_of(
            st.sampled_from(["USD", "JPY", "usd", "US1", "ÄÖÜ", "USD\n", "US"]), st.text(max_size=4)
        ),
        "timestamp": st.one_of(st.integers(-1, 2**62), st.integers(946_684_800_000, NOW)).map(str),
        "country": st.one_of(st.none(), _texts),
        "latitude": st.one_of(st.none(), st.floats(-100, 100).map(str)),
    }
)


@given(st.lists(_rows, min_size=1, max_size=10))
def test_what_is_accepted_passes_admission(rows: list[dict[str, str | None]]) -> None:
    conformed, reasons = conform([GOOD | row for row in rows])

    for number, row in enumerate(conformed):
        if number in reasons:
            continue
        amount = str(Decimal(row["amount"]).scaleb(-{"JPY": 0}.get(row["currency"], 2)))
        if row["currency"] not in ("USD", "JPY", "EUR"):
            amount = rows[number]["amount"].strip()  # type: ignore[union-attr]
        row_values = {name: value for name, value in row.items() if value is not None} | {"amount": amount}
        validated = AdmissionFilter(AdmissionSettings()).validate(
            json.dumps(row_values).encode(), row["timestamp"]
        )
        assert isinstance(validated, Admitted), validated
        assert validated.amount == row["amount"]


# Order, labels, portions


@given(st.lists(st.lists(st.integers(0, 50), max_size=8), max_size=5), st.randoms())
def test_staged_rows_come_back_by_number(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], random: Any
) -> None:
    staged = staged_file(
        tmp_path_factory.mktemp("staging"), pa.schema([("n", pa.int64())]), [{"n": b} for b in batches]
    )
    values = [value for batch in batches for value in batch]
    wanted = [random.randrange(len(values)) for _ in range(10)] if values else []

    assert len(staged) == len(values)
    assert staged.column("n").tolist() == values
    if wanted:
        assert staged.take(np.array(wanted))["n"].to_pylist() == [values[number] for number in wanted]


def staged_file(folder: Path, schema: pa.Schema, batches: list[dict[str, list[Any]]]) -> StagingFile:
    writer = StagingWriter(folder / "rows.arrow", schema)
    for batch in batches:
        writer.append(pa.record_batch(batch, schema=schema))
    return writer.close()


def test_time_order_keeps_equal_times_as_they_stood() -> None:
    assert time_order(np.array([1, 2, 2, 3])) is None
    order = time_order(np.array([3, 1, 3, 1]))
    assert order is not None
    assert order.tolist() == [1, 3, 0, 2]


def test_labels_are_joined_and_all_sent_in_order(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "l").mkdir()
    schema = pa.schema([("transaction_id", pa.string()), ("card_id", pa.string()), ("timestamp", pa.int64())])
    transactions = staged_file(
        tmp_path / "t",
        schema,
        [{"transaction_id": ["a", "b"], "card_id": ["c1", "c2"], "timestamp": [10, 5]}],
    )
    labels = staged_file(tmp_path / "l", PLACED_LABELS, [{
        "transaction_id": ["a", "a", "b", "x", "b"],
        "card_id": [None, "c1", None, None, "c1"],
        "is_fraud": [True, False, True, True, True],
        "reported_at": [900, 1_000, None, None, 7],
        "source": [None, "analyst", None, None, None],
        "place": [2, 3, 4, 5, 6],
    }])  # fmt: skip

    plan = plan_labels(labels, transactions, timedelta(seconds=1))

    # the earlier report on a goes first: it was known before it was revised
    assert plan.part(range(3)).to_pylist() == [
        {
            "transaction_id": "a",
            "card_id": "c1",
            "is_fraud": True,
            "reported_at": 900,
            "source": "chargeback",
        },
        {
            "transaction_id": "a",
            "card_id": "c1",
            "is_fraud": False,
            "reported_at": 1_000,
            "source": "analyst",
        },
        {
            "transaction_id": "b",
            "card_id": "c2",
            "is_fraud": True,
            "reported_at": 1_005,
            "source": "chargeback",
        },
    ]
    assert [(reason.split()[0], place) for reason, place, _ in plan.unused_rows()] == [
        ("no", 5),
        ("card_id", 6),
    ]


_times = (
    st.lists(st.integers(0, 10_000), max_size=30).map(sorted).map(lambda times: np.array(times, np.int64))
)


@given(_times, _times, st.sampled_from([None, 0.5, 10.0]))
def test_portions_cover_everything_once_and_labels_never_lead(
    transactions: Any, labels: Any, speed: float | None
) -> None:
    cut = list(portions(transactions, labels, 0, speed))

    assert [n for part in cut for n in part.transactions] == list(range(len(transactions)))
    assert [n for part in cut for n in part.labels] == list(range(len(labels)))
    for part in cut:
        later = transactions[part.transactions.stop :]
        assert all(labels[n] < later[0] for n in part.labels) if len(later) else True


@given(_times, _times, st.integers(0, 30))
def test_a_resumed_replay_sends_what_the_stopped_one_did_not(
    transactions: Any, labels: Any, portion: int
) -> None:
    cut = list(portions(transactions, labels, 0, 1.0))[:portion]
    done = cut[-1].transactions.stop if cut else 0
    sent = cut[-1].labels.stop if cut else 0

    rest = list(portions(transactions, labels, done, 1.0))

    assert not rest or rest[0].transactions.start == done
    assert not rest or rest[0].labels.start <= sent


def test_portions_are_bounded() -> None:
    times = np.arange(3 * PORTION_ROWS, dtype=np.int64)
    assert max(len(part.transactions) for part in portions(times, times)) == PORTION_ROWS

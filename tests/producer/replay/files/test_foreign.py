"""Each kind of file that other people have, with the value that is right (issue 14)."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraud.errors import DataError
from fraud.messages.admission import AdmissionFilter, Admitted
from fraud.settings import Settings
from producer.replay.tables import Files, Tables, read_tables
from tests.definitions import V1
from tests.producer.replay.files.reading import HEADER, JUNE, ROWS, dry_run, write

LABELLED = HEADER + ",is_fraud"
HOUR = 3_600_000


def tables(settings: Settings, path: Path, labels: Path | None = None, mapping: str = "") -> Tables:
    columns = None
    if mapping:
        columns = path.parent / "mapping.yaml"
        columns.write_text(mapping)
    return read_tables(settings, Files(path, labels, columns), lambda *_: None)


@pytest.fixture
def payments(tmp_path: Path) -> Path:
    return write(tmp_path / "payments.csv", HEADER, *ROWS)


def test_labels_in_seconds_are_recognised(local_settings: Settings, payments: Path, tmp_path: Path) -> None:
    labels = write(
        tmp_path / "labels.csv", "transaction_id,is_fraud,reported_at", "t2,1,1780920000", "t3,0,1780920000"
    )

    found = tables(local_settings, payments, labels)

    assert found.labels["reported_at"].to_pylist() == [1_780_920_000_000] * 2
    assert "labels: reported_at counts seconds since 1970, by the size of its numbers" in found.notes


@pytest.mark.parametrize("reported", ["2026-05-31 10:00:00", "1970-01-21", "12"])
def test_reports_before_their_payments_are_not_used(
    local_settings: Settings, payments: Path, tmp_path: Path, reported: str
) -> None:
    labels = write(
        tmp_path / "labels.csv", "transaction_id,is_fraud,reported_at", f"t2,1,{reported}", "t3,0,2026-07-01"
    )

    result = dry_run(local_settings, payments, labels=labels)

    assert result.labels == 1
    assert tables(local_settings, payments, labels).labels["transaction_id"].to_pylist() == ["t3"]


@pytest.mark.parametrize(
    ("reported", "sentence"),
    [("1990-01-01", "before the earliest allowed"), ("2026-05-31", "before the transaction's own time")],
)
def test_if_all_reports_are_before_their_payments_nothing_is_published(
    local_settings: Settings, payments: Path, tmp_path: Path, reported: str, sentence: str
) -> None:
    labels = write(tmp_path / "labels.csv", "transaction_id,is_fraud,reported_at", f"t2,1,{reported}")
    for read in (tables, lambda *given: dry_run(given[0], given[1], labels=given[2])):
        with pytest.raises(DataError, match=f"not one label of .* can be used, .*{sentence}.*reported_at"):
            read(local_settings, payments, labels)


@pytest.mark.parametrize("scale", [1, 1_000, 1_000_000, 1_000_000_000])
@pytest.mark.parametrize("kind", ["text", "whole", "float"])
def test_units_of_times_are_recognised_by_their_size(
    local_settings: Settings, tmp_path: Path, scale: int, kind: str
) -> None:
    times = [(JUNE // 1_000 + number * 3_600) * scale for number in range(3)]
    names = HEADER.split(",")
    table = pa.table([pa.array([row.split(",")[n] for row in ROWS]) for n in range(5)], names[:5])
    column = pa.array(times, pa.int64())
    column = column.cast(pa.float64(), safe=False) if kind == "float" else column
    column = column.cast(pa.string()) if kind == "text" else column
    pq.write_table(table.append_column("timestamp", column), tmp_path / "some.parquet")

    found = dry_run(local_settings, tmp_path / "some.parquet")

    assert (found.first_time, found.last_time) == (JUNE, JUNE + 2 * HOUR)
    assert bool(found.notes) == (scale != 1_000)


def test_iso_times_of_all_forms_in_one_file_are_read(local_settings: Settings, tmp_path: Path) -> None:
    forms = {
        "2026-06-01 10:00:00 UTC": 0, "2026-06-01 10:00:00.250000 UTC": 250, "2026-06-01 10:00:00.5 UTC": 500,
        "2026-06-01T10:00:00Z": 0, "2026-06-01T12:00:00.001+02:00": 1, "2026-06-01 12:00:00+0200": 0,
        "2026-06-01 10:00:00 GMT": 0, "2026-06-01 12:00:00 +02:00": 0, "2026-06-01 10:00": 0,
        "2026/06/01 10:00:00": 0, "2026-06-01 10:00:00,250": 250, "2026-06-01T10:00:00.123456789Z": 123,
        "2026-06-01 05:00:00-05": 0, "1780308000000": 0,
    }  # fmt: skip
    rows = [f't{number},c,s,1,EUR,"{form}"' for number, form in enumerate(forms)]
    found = tables(local_settings, write(tmp_path / "some.csv", LABELLED, *(row + ",0" for row in rows)))

    read = dict(zip(found.transactions["transaction_id"].to_pylist(),
     found.transactions["timestamp"].to_pylist(),
                    strict=True))  # fmt: skip
    assert {form: read[f"t{number}"] - JUNE for number, form in enumerate(forms)} == forms


@pytest.mark.parametrize("field", ["transaction_id", "card_id", "merchant_id"])
@pytest.mark.parametrize("damaged", ["4.11E+15", "4,11E+15", "1e5", "4.111111111111E+15"])
def test_identifiers_that_a_spreadsheet_rounded_are_refused(
    local_settings: Settings, tmp_path: Path, field: str, damaged: str
) -> None:
    at = HEADER.split(",").index(field)
    rows = [
        ",".join(f'"{damaged}"' if n == at else text for n, text in enumerate(row.split(","))) for row in ROWS
    ]
    with pytest.raises(
        DataError,
        match=f"{field} '{damaged[:3]}.*rounded number, .*export the column as text".replace("+", "[+]"),
    ):
        dry_run(local_settings, write(tmp_path / "some.csv", HEADER, *rows))


def test_sixteen_digits_that_end_in_zero_are_refused(local_settings: Settings, tmp_path: Path) -> None:
    rows = [f"t{n},{411111111111111 + n}0,s,1,EUR,2026-06-01" for n in range(30)]
    with pytest.raises(DataError, match="card_id looks rounded by a spreadsheet, which keeps 15 digits"):
        dry_run(local_settings, write(tmp_path / "some.csv", HEADER, *rows))


def test_floats_that_cannot_hold_an_identifier_are_refused_and_nan_is_missing(
    local_settings: Settings, tmp_path: Path
) -> None:
    cards = pa.array([6584575441591452.0, float("nan"), 2.0**60, None])
    table = pa.table(
        [["a", "b", "c", "d"], cards, ["s"] * 4, [1.0] * 4, ["EUR"] * 4, [JUNE] * 4], HEADER.split(",")
    )
    pq.write_table(table, tmp_path / "some.parquet")

    result = dry_run(local_settings, tmp_path / "some.parquet")

    assert result.good == 1
    assert [(position, reason[:36]) for position, reason in result.rejected[0].first] == [
        (2, "card_id is missing"), (3, "card_id 1.152921504606847e+18 is a r"), (4, "card_id is missing"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "nothing", ["", " ", "NULL", "null", "NaN", "nan", "N/A", "<NA>", "None", "\\N", "#N/A", "NA"]
)
def test_markers_of_nothing_are_no_card(local_settings: Settings, tmp_path: Path, nothing: str) -> None:
    path = write(tmp_path / "some.csv", HEADER, *ROWS, f"t4,{nothing},s,1,EUR,2026-06-01")

    result = dry_run(local_settings, path)

    assert (result.good, result.rejected[0].first) == (3, [(5, "card_id is missing")])


def test_harmless_forms_of_identifiers_are_one(local_settings: Settings, tmp_path: Path) -> None:
    rows = ["t1, c1 ,1001.0,1,EUR,2026-06-01,0", "t2,c1,1001,1,EUR,2026-06-02,0"]
    found = tables(local_settings, write(tmp_path / "some.csv", LABELLED, *rows)).transactions

    assert found["card_id"].to_pylist() == ["c1", "c1"]
    assert found["merchant_id"].to_pylist() == ["1001", "1001"]


def test_without_a_transaction_id_one_is_derived_and_said_so(
    local_settings: Settings, tmp_path: Path
) -> None:
    rows = ("c1,s1,1.00,EUR,2026-06-01,0", "c1,s1,1.00,EUR,2026-06-01,1")
    path = write(tmp_path / "june.csv", "card_id,merchant_id,amount,currency,timestamp,is_fraud", *rows)

    found = tables(local_settings, path)
    hashed = tables(local_settings, path, mapping="transaction_id: {row: hash}")

    assert found.transactions["transaction_id"].to_pylist() == ["june-2", "june-3"]
    assert found.labels["transaction_id"].to_pylist() == ["june-2", "june-3"]
    assert found.notes == ["it has no transaction_id: the file's name and the row's number are taken for it"]
    assert len(hashed.transactions["transaction_id"][0].as_py()) == 32


def test_no_id_is_derived_beside_a_column_that_looks_like_one(
    local_settings: Settings, tmp_path: Path
) -> None:
    path = write(tmp_path / "some.csv", HEADER.replace("transaction_id", "TX_ID"), *ROWS)
    with pytest.raises(
        DataError, match="no transaction_id, and its column TX_ID looks like it: add `transaction_id: TX_ID`"
    ):
        dry_run(local_settings, path)


def test_labels_cannot_be_joined_to_derived_ids(local_settings: Settings, tmp_path: Path) -> None:
    path = write(
        tmp_path / "some.csv", "card_id,merchant_id,amount,currency,timestamp", "c,s,1,EUR,2026-06-01"
    )
    labels = write(tmp_path / "labels.csv", "transaction_id,is_fraud", "t1,1")
    with pytest.raises(DataError, match="labels of another file cannot be joined"):
        dry_run(local_settings, path, labels=labels)


def test_without_a_currency_the_base_is_taken_and_said_so(local_settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "some.csv", "card_id,merchant_id,amount,timestamp", "c,s,1.50,2026-06-01")
    assert [note[:38] for note in dry_run(local_settings, path).notes][
        1
    ] == "it has no currency: all amounts are ta"


def test_nothing_is_published_when_no_label_can_be_used(
    local_settings: Settings, payments: Path, tmp_path: Path
) -> None:
    labels = write(
        tmp_path / "labels.csv", "transaction_id,is_fraud,source", "t2,1,issuer call centre", "t3,0,web form"
    )
    remedy = "source: {column: source, default: chargeback}"
    for read in (tables, lambda *given: dry_run(given[0], given[1], labels=given[2])):
        with pytest.raises(DataError, match=r"not one label .* line 2: source 'issuer call centre'") as error:
            read(local_settings, payments, labels)
        assert remedy in str(error.value)

    assert dry_run(local_settings, payments, remedy, labels=labels).labels == 2
    assert dry_run(local_settings, payments, f"labels: {{{remedy}}}", labels=labels).labels == 2


@pytest.mark.parametrize("lines", [("x1,1", "x2,0"), ("TX-t1,1",)])
def test_labels_of_other_transactions_stop_the_replay(
    local_settings: Settings, payments: Path, tmp_path: Path, lines: tuple[str, ...]
) -> None:
    labels = write(tmp_path / "labels.csv", "transaction_id,is_fraud", *lines)
    with pytest.raises(DataError, match=r"not one label .* can be used"):
        dry_run(local_settings, payments, labels=labels)
    with pytest.raises(DataError, match=r"not one label .* can be used"):
        tables(local_settings, payments, labels)


def test_weak_currencies_are_limited_in_the_base_currency(local_settings: Settings, tmp_path: Path) -> None:
    amounts = ["1500000.00,IDR", "45000000.00,IDR", "2500000,COP", "150000000,VND", "12000,JPY", "1.250,KWD"]
    rows = [f"i{n},c1,s1,{amount},2026-06-01 1{n}:00:00,0" for n, amount in enumerate(amounts)]
    path = write(
        tmp_path / "some.csv",
        LABELLED,
        *rows,
        "i9,c1,s1,110000001,EUR,2026-06-01,0",
        "i8,c,s,99e9,IDR,2026-06-01,0",
    )

    found = tables(local_settings, path)

    assert found.transactions["amount"].to_pylist() == [
        150_000_000, 4_500_000_000, 250_000_000, 150_000_000, 12_000, 1_250,
    ]  # fmt: skip
    assert [reason for _, reason in found.rejected[0].first] == [
        "amount '110000001' is outside €0.00 to €100,000,000.00, see FRAUD_ADMISSION__MAX_AMOUNT",
        "amount '99e9' is outside 0.00 IDR to 10,000,000,000.00 IDR, see FRAUD_ADMISSION__MAX_AMOUNT",
    ]
    # and the engine decides alike
    for row in found.transactions.to_pylist():
        scale = {"JPY": 1, "VND": 1, "KWD": 1_000}.get(row["currency"], 100)
        message = {name: value for name, value in row.items() if value is not None}
        message["amount"] = f"{row['amount'] / scale:.3f}".rstrip("0").rstrip(".")
        validated = AdmissionFilter(V1, local_settings.admission).validate(
            json.dumps(message).encode(), row["timestamp"]
        )
        assert isinstance(validated, Admitted)
        assert validated.amount == row["amount"]


@pytest.mark.parametrize(
    ("written", "read"),
    [("United States", "US"), ("italy", "IT"), ("Germany", "DE"), ("Deutschland", "DE"), ("de", "DE"),
     ("USA", "USA"),
     ("United Kingdom", "GB"), ("NA", "NA"), ("840", "840")],
)  # fmt: skip
def test_countries_by_name_are_codes(
    local_settings: Settings, tmp_path: Path, written: str, read: str
) -> None:
    path = write(tmp_path / "some.csv", LABELLED + ",country", *(f"{row},0,{written}" for row in ROWS))
    assert set(tables(local_settings, path).transactions["country"].to_pylist()) == {read}


def test_an_optional_column_that_cannot_be_used_is_left_out(local_settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "some.csv", LABELLED + ",country", *(f"{row},0,Somewhere Far" for row in ROWS))

    found = tables(local_settings, path)

    assert found.transactions["country"].to_pylist() == [None] * 3
    assert found.rejected[0].count == 0
    assert (
        "country is left out of 3 rows, which count without it; line 2: country 'Somewhere Far'"
        in found.warnings[0]
    )


def test_european_amounts_are_read_by_a_mapping_and_refunds_are_reported(
    local_settings: Settings, tmp_path: Path
) -> None:
    amounts = ("12,50", "1.234,00", "(25.00)", "-25.00", "1_000.00", "€ 7,00", "7,00 EUR", "25,00-", "8")
    rows = [f"g{n};c1;s1;{amount};EUR;01.06.2026 1{n}:00;0" for n, amount in enumerate(amounts)]
    path = write(tmp_path / "some.csv", LABELLED.replace(",", ";"), *rows)
    timestamp = 'timestamp: {column: timestamp, format: "%d.%m.%Y %H:%M"}\n'

    plain = dry_run(local_settings, path, timestamp)
    found = tables(
        local_settings, path, mapping=timestamp + 'amount: {column: amount, decimal: ",", thousands: "."}'
    )

    assert [reason for _, reason in plain.rejected[0].first][:2] == [
        "amount '12,50' is not a number", "amount '1.234,00' is not a number",
    ]  # fmt: skip
    assert found.transactions["amount"].to_pylist() == [1_250, 123_400, 700, 700, 800]
    assert [reason[:26] for _, reason in found.rejected[0].first] == [
        "a refund: amount '(25.00)'", "a refund: amount '-25.00' ", "amount '1_000.00' is not a",
        "a refund: amount '25,00-' ",
    ]  # fmt: skip
    assert "3 rows are refunds" in found.warnings[0]

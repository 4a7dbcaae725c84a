"""What the mapping can say of times, amounts, words and files."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fraud.definitions.fields import Field, FieldType
from fraud.errors import ConfigurationError, DataError
from fraud.settings import Settings
from producer.replay.mapping.columns import FieldSource, resolve
from producer.replay.mapping.mapping_file import read_mapping
from tests.definitions import V1
from tests.producer.replay.files.reading import HEADER, JUNE, dry_run, write
from tests.producer.replay.files.test_foreign import LABELLED, tables

HOUR = 3_600_000


def times(settings: Settings, folder: Path, mapping: str, *written: str) -> list[int]:
    rows = [f't{number},c,s,1,EUR,"{text}",0' for number, text in enumerate(written)]
    found = tables(settings, write(folder / "some.csv", LABELLED, *rows), mapping=mapping)
    by_id = dict(zip(found.transactions["transaction_id"].to_pylist(),
     found.transactions["timestamp"].to_pylist(),
                     strict=True))  # fmt: skip
    return [by_id.get(f"t{number}", -1) for number in range(len(written))]


@pytest.mark.parametrize(
    ("options", "written"),
    [
        ("format: epoch_us", "1780308000000000"),
        ("format: epoch_ns", "1780308000000000001"),
        ("format: epoch_s", "1.780308e9"),
        ("format: excel", "46174.4166666667"),
        ('format: "%m/%d/%Y %I:%M %p"', "06/01/2026 10:00 AM"),
        ('format: "%d/%m/%Y %H:%M:%S.%f"', "01/06/2026 10:00:00.000"),
        ("start: 2026-06-01, unit: h", "10"),
        ("start: 2026-06-01, unit: m", "600"),
        ("start: 2026-05-31T22:00:00Z, unit: d", "0.5"),
        ("start: 2026-06-01, unit: s, zone: Europe/Berlin", "43200"),
        ("zone: Europe/Berlin", "2026-06-01 12:00:00"),
        ("zone: America/New_York", "2026-06-01T06:00"),
        ("zone: Europe/Berlin", "2026-06-01 10:00:00Z"),
        ("zone: Europe/Berlin", "2026-06-01 14:00:00+04:00"),
        ("zone: Europe/Berlin", "1780308000000"),
        ('zone: Europe/Berlin, format: "%d.%m.%Y %H:%M"', "01.06.2026 12:00"),
    ],
)
def test_times_are_read_as_the_mapping_says(
    local_settings: Settings, tmp_path: Path, options: str, written: str
) -> None:
    assert times(local_settings, tmp_path, f"timestamp: {{column: timestamp, {options}}}", written) == [JUNE]


def test_local_times_at_the_changes_of_clocks(local_settings: Settings, tmp_path: Path) -> None:
    # given the hour that clocks repeat, the one that they leave out, and those beside
    written = ("2025-10-26 01:59:59", "2025-10-26 02:30:00", "2025-10-26 03:00:00", "2026-03-29 02:30:00")
    zone = "timestamp: {column: timestamp, zone: Europe/Berlin"

    strict = times(local_settings, tmp_path, zone + "}", *written)
    earlier = times(local_settings, tmp_path, zone + ", repeated: earlier}", *written)
    later = times(local_settings, tmp_path, zone + ", repeated: later}", *written)

    first = int(datetime(2025, 10, 26, 0, 30, tzinfo=UTC).timestamp() * 1_000)
    assert [at > 0 for at in strict] == [True, False, True, False]
    assert (earlier[1], later[1]) == (first, first + HOUR)
    assert earlier[3] == later[3] == -1


def test_a_time_of_several_columns_is_one(local_settings: Settings, tmp_path: Path) -> None:
    path = write(
        tmp_path / "some.csv", HEADER.replace("timestamp", "day,clock"), "t1,c,s,1,EUR,2026-06-01,10:00:00"
    )
    assert dry_run(local_settings, path, "timestamp: {columns: [day, clock]}").first_time == JUNE


def test_ambiguous_days_are_not_guessed(local_settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "some.csv", HEADER, "t1,c,s,1,EUR,01/02/2026")
    with pytest.raises(DataError, match=r"timestamp '01/02/2026' cannot be read .*format"):
        dry_run(local_settings, path)


@pytest.mark.parametrize(
    ("options", "written", "minor"),
    [
        ('decimal: ","', "12,5", 1_250),
        ('decimal: ",", thousands: "."', "1.234.567,89", 123_456_789 // 10),
        ('decimal: ",", thousands: " "', "1 234,50", 123_450),
        ("", "1\u00a0234.50", 123_450),
        ('thousands: "\'"', "1'234.50", 123_450),
        ('thousands: ","', "12,345.60", 1_234_560),
        ('thousands: ","', "1,23,456.00", 12_345_600),
        ("", "€12.50", 1_250),
        ("", "EUR 12.50", 1_250),
        ("", "12.50 €", 1_250),
        ("", "+12.50", 1_250),
        ("", "1e3", 100_000),
        ("", "1.25E+1", 1_250),
        ("", "1250e-2", 1_250),
        ("", "12.50+", 1_250),
        ("", ".5", 50),
        ("", "5.", 500),
        ("", "007", 700),
        ('thousands: "_"', "1_250", 125_000),
        ("round: true", "12.505", 1_250),
        ("round: true", "12.5000000000001", 1_250),
        ("unit: minor", "1250", 1_250),
        ("strip: [X, Y]", "X12.50", 1_250),
        ('strip: "-"', "-12.50", 1_250),
        ("default: 3", "", 300),
    ],
)  # fmt: skip
def test_amounts_are_read_as_the_mapping_says(
    local_settings: Settings, tmp_path: Path, options: str, written: str, minor: int
) -> None:
    minor = 123_456_789 if written == "1.234.567,89" else minor
    path = write(
        tmp_path / "some.csv", LABELLED, f't1,c,s,"{written}",EUR,2026-06-01,0', "t2,c,s,1,EUR,2026-06-01,0"
    )
    mapping = f"amount: {{column: amount, {options}}}" if options else ""
    settings = local_settings.model_copy(
        update={"admission": local_settings.admission.model_copy(update={"max_amount": 10**9})}
    )
    assert tables(settings, path, mapping=mapping).transactions["amount"].to_pylist()[0] == minor


@pytest.mark.parametrize(
    ("options", "written", "reason"),
    [
        ("", "1,234", "is not a number"),
        ("", "1,234.50", "is not a number"),
        ('decimal: ","', "1,234.50", "is not a number"),
        ('decimal: ",", thousands: "."', "1.23,4", "is not a number"),
        ("", "12.505", "more decimals than EUR knows"),
        ("", "5%", "is not a number"),
        ("", "inf", "amount"),
        ("", "nan", "amount"),
        ("", "$5.00", "is not a number|not in its currency"),
        ("", "£5.00", "is not in its currency EUR"),
        ("", "USD 5.00", "is not in its currency EUR"),
        ("unit: minor", "12.5", "more decimals"),
        # Python's own numbers, which no rule of a file has
        ("", "1_000", "'1_000' is not a number"),
        ("", "\u0661\u0662\u0663", "is not a number"),
        ("", "\uff11\uff12", "is not a number"),
        ("", "1\u0662.50", "is not a number"),
        ("round: true", "1_000", "is not a number"),
        ("unit: minor", "\uff11\uff12", "is not a number"),
        ("", "1e1_0", "is not a number"),
        ("", "0x10", "is not a number"),
        ("", "1e", "is not a number"),
        ("", "--1", "is not a number"),
    ],
)
def test_amounts_that_are_not_clear_are_refused(
    local_settings: Settings, tmp_path: Path, options: str, written: str, reason: str
) -> None:
    path = write(tmp_path / "some.csv", HEADER, f't1,c,s,"{written}",EUR,2026-06-01')
    with pytest.raises(DataError, match=f"line 2: .*({reason})"):
        dry_run(local_settings, path, f"amount: {{column: amount, {options}}}" if options else "")


@pytest.mark.parametrize(
    ("field", "options", "written", "read"),
    [
        ("card_id", "strip: fraud_", "fraud_c1", "c1"),
        ("card_id", "pad: 6", "123", "000123"),
        ("card_id", "nulls: [none-given], default: c0", "none-given", "c0"),
        ("currency", 'values: {"$": USD}', "$", "USD"),
        ("currency", "default: EUR", "", "EUR"),
        ("country", "values: {Ruritania: DE}", "Ruritania", "DE"),
        ("channel", "values: {1: online}", "1", "online"),
    ],
)
def test_words_are_read_as_the_mapping_says(
    local_settings: Settings, tmp_path: Path, field: str, options: str, written: str, read: str
) -> None:
    row = {"transaction_id": "t1", "card_id": "c", "merchant_id": "s", "amount": "1", "currency": "EUR",
           "timestamp": "2026-06-01", "is_fraud": "0"} | {field: written}  # fmt: skip
    path = write(tmp_path / "some.csv", ",".join(row), ",".join(row.values()))

    found = tables(local_settings, path, mapping=f"{field}: {{column: {field}, {options}}}")

    assert found.transactions[field].to_pylist() == [read]


@pytest.mark.parametrize("written", ["eur", " EUR ", "€", "978"])
def test_currencies_by_other_names_are_codes(local_settings: Settings, tmp_path: Path, written: str) -> None:
    path = write(tmp_path / "some.csv", LABELLED, f"t1,c,s,1,{written},2026-06-01,0")
    assert tables(local_settings, path).transactions["currency"].to_pylist() == ["EUR"]


@pytest.mark.parametrize(
    ("options", "written", "read"),
    [
        ("", "Y,N", [True, False]), ("", "true,FALSE", [True, False]), ("", "1.0,0.0", [True, False]),
        ("", "fraud,legit", [True, False]), ("", "ja,nein", [True, False]),
        ("values: {bad: 1, good: 0}", "bad,good", [True, False]), ("values: {2: 1, 1: 0}", "2,1", [True,
         False]),
    ],
)  # fmt: skip
def test_fraud_flags_are_read(
    local_settings: Settings, tmp_path: Path, options: str, written: str, read: list[bool]
) -> None:
    rows = [f"t{n},c,s,1,EUR,2026-06-01,{text}" for n, text in enumerate(written.split(","))]
    path = write(tmp_path / "some.csv", LABELLED, *rows)
    found = tables(
        local_settings, path, mapping=f"is_fraud: {{column: is_fraud, {options}}}" if options else ""
    )
    assert found.labels["is_fraud"].to_pylist() == read


def test_the_file_of_labels_has_a_mapping_of_its_own(local_settings: Settings, tmp_path: Path) -> None:
    path = write(tmp_path / "some.csv", HEADER, "t1,c,s,1,EUR,2026-06-01")
    labels = write(tmp_path / "labels.csv", "TX-t1;Betrüger", encoding="cp1252")
    mapping = """
        labels:
          file: {header: [id, ruling], delimiter: ";", encoding: cp1252}
          transaction_id: {column: id, strip: TX-}
          is_fraud: {column: ruling, values: {Betrüger: 1}}
    """
    assert dry_run(local_settings, path, mapping, labels=labels).labels == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("card_id: a\ncardid: b", "line 2: cardid is no field"),
        ("card_id: a\n\ncard_id: b", "line 3: card_id is named twice"),
        (
            "timestamp:\n  column: a\n  zone: Mars",
            r"line 1: timestamp: zone \(line 3\) 'Mars' is no time zone",
        ),
        ("amount: {column: a, decimals: ','}", "decimals .* is not known; known are column, "),
        ("amount: {column: a, format: iso}", "has format, which only times have"),
        ("card_id: {column: a, thousands: ','}", "has thousands, which only numbers have"),
        ("card_id: {value: a, column: b}", "exactly one of column, columns, value and row"),
        ("timestamp: {column: a, start: 2026-01-01}", "start and unit .* go together"),
        ("timestamp: {column: a, start: soon, unit: s}", "start .* valid datetime"),
        ("card_id: 5", "line 1: card_id is 5: put .* quotes"),
        ("card_id: [a, b]", "must be a column's name"),
        ("file: {delimeter: x}", "delimeter .* is not known"),
        ("amount: {column: a, decimal: ',', thousands: ','}", "the same"),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_line(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "mapping.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=f"the mapping .*{sentence}"):
        read_mapping(V1, tmp_path / "mapping.yaml")


def test_words_of_yaml_stay_words(tmp_path: Path) -> None:
    (tmp_path / "mapping.yaml").write_text("country: {value: no}\ncard_id: {value: 007}\nchannel: null\n")
    found = read_mapping(V1, tmp_path / "mapping.yaml")
    assert (found["country"].value, found["card_id"].value, found["channel"].column) == ("no", "007", None)


@pytest.mark.parametrize("option", ["", "format: iso", "format: epoch_ms"])
def test_a_time_in_numbers_may_have_a_plus(local_settings: Settings, tmp_path: Path, option: str) -> None:
    mapping = f"timestamp: {{column: timestamp{', ' if option else ''}{option}}}"
    assert times(local_settings, tmp_path, mapping, "+1780308000000", "1780308000000") == [JUNE, JUNE]


@pytest.mark.parametrize(
    ("options", "written"),
    [
        ("", "1_780_308_000_000"),
        ("format: epoch_s", "1_780_308_000"),
        ("format: epoch_s", "\uff11780308000"),
        ("format: epoch_ns", "9999999999999999999"),
        ("format: excel", "4617\u0664"),
        ("start: 2026-06-01, unit: h", "1_0"),
        ('format: "%d/%m/%Y"', "01/06/202\u0666"),
        ('format: "%d/%m/%Y %H:%M:%S.%f"', "01/06/202\u0666 10:00:00.000"),
        ("format: iso", "202\u0666-06-01"),
    ],
)
def test_times_of_other_digits_are_refused(
    local_settings: Settings, tmp_path: Path, options: str, written: str
) -> None:
    # given a time with digits or signs that only Python takes
    path = write(tmp_path / "some.csv", HEADER, f"t1,c,s,1,EUR,{written}")
    mapping = f"timestamp: {{column: timestamp{', ' if options else ''}{options}}}"
    # when the file is read, then the row is refused
    with pytest.raises(DataError, match=r"line 2: timestamp .* cannot be read"):
        dry_run(local_settings, path, mapping)


COUNTRIES = (
    Field("country", FieldType.CATEGORY, ("ip_country",)),
    Field("merchant_country", FieldType.CATEGORY, ("country",)),
)


@pytest.mark.parametrize("columns", [["country"], ["country", "merchant_country"]])
def test_a_column_does_not_feed_one_field_by_its_path_and_another_by_its_name(columns: list[str]) -> None:
    with pytest.raises(DataError, match="the column country could be country or merchant_country"):
        resolve({}, columns, COUNTRIES)


def test_a_mapping_says_which_of_two_fields_a_column_feeds() -> None:
    mapping = {"merchant_country": FieldSource(column="merchant_country")}

    found = resolve(mapping, ["country", "merchant_country"], COUNTRIES)

    assert {name: source.column for name, source in found.items()} == {
        "country": "country", "merchant_country": "merchant_country",
    }  # fmt: skip

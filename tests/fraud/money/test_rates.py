"""The file of rates: read, refused with the line and a sentence, and compared with its later version."""

from datetime import date
from pathlib import Path

import pytest

from fraud.errors import ConfigurationError
from fraud.money.rates import MAX_RATE, RATE_DECIMALS, DailyRates, date_of, day_of, parse_rate, read_rates

TODAY = date(2025, 3, 17)
UNIT = 10**RATE_DECIMALS
GOOD = "date,currency,rate\n2025-03-13,USD,1.0854\n2025-03-13,JPY,160.73\n2025-03-14,USD,1.0883\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rates.csv"


def read(file: Path, text: str, base: str = "EUR") -> DailyRates:
    file.write_bytes(text.encode())
    return read_rates(file, base, TODAY)


def test_a_rate_is_what_a_unit_of_the_base_costs(file: Path) -> None:
    rates = read(file, GOOD).rates
    assert rates == {
        (day_of(date(2025, 3, 13)), "USD"): 1_085_400_000,
        (day_of(date(2025, 3, 13)), "JPY"): 160_730_000_000,
        (day_of(date(2025, 3, 14)), "USD"): 1_088_300_000,
    }


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\n\n"),
        GOOD.replace("date,", "Date ,").replace(",USD", ", USD "),
        GOOD.replace("1.0854", "1.08540000000000"),
        GOOD + "2025-03-13,EUR,1\n",
        "\n".join(",".join(line.split(",")[::-1]) for line in GOOD.split()),
    ],
)
def test_other_spellings_of_the_same(file: Path, text: str) -> None:
    assert read(file, text).rates == read(file, GOOD).rates


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("2025-03-14,EURO,1", "4: currency 'EURO' is unknown; do you mean EUR?"),
        ("2025-03-14,usd,1.1", "4: currency 'usd' is unknown; do you mean USD?"),
        ("2025-03-14,XXX,1.1", "4: currency 'XXX' is unknown"),
        ("2025-03-14,EUR,1.1", "4: EUR is the base, so its rate is 1; is the file one of another base?"),
        ("2025-03-14,GBP,0", "4: the rate is 0"),
        ("2025-03-14,GBP,0.000", "4: the rate is 0"),
        ("2025-03-14,GBP,-1", "4: rate '-1' is no positive decimal number"),
        ("2025-03-14,GBP,", "4: rate '' is no positive decimal number"),
        ("2025-03-14,GBP,N/A", "4: rate 'N/A' is no positive decimal number"),
        ("2025-03-14,GBP,nan", "4: rate 'nan' is no positive decimal number"),
        ("2025-03-14,GBP,inf", "4: rate 'inf' is no positive decimal number"),
        ("2025-03-14,GBP,1e-3", "4: rate '1e-3' is no positive decimal number"),
        ("2025-03-14,GBP,٣", "4: rate '٣' is no positive decimal number"),
        ("2025-03-14,GBP,0.1234567891", "4: rate 0.1234567891 has more than 9 decimals"),
        ("2025-03-14,GBP,100000000", "4: rate 100000000 is not below 100,000,000"),
        (f"2025-03-14,GBP,{'9' * 5_000}", "is not below 100,000,000"),
        ("2025-03-13,USD,1.0854", "4: USD on 2025-03-13 is in line 2, too"),
        ("2025-03-19,GBP,0.84", "4: date 2025-03-19 is in the future"),
        ("1969-12-31,GBP,0.84", "4: date 1969-12-31 is before 1970"),
        ("2025-02-29,GBP,0.84", "4: date '2025-02-29' is no date; write it as 2025-03-14"),
        ("20250314,GBP,0.84", "4: date '20250314' is no date"),
        ("14.03.2025,GBP,0.84", "4: date '14.03.2025' is no date"),
        ("2025-03-14,GBP,0,84", "4: the line has 4 cells where 3 are expected"),
        ("2025-03-14;GBP;0.84", "4: the line has 1 cells where 3 are expected"),
        ('2025-03-14,"GBP"x,0.84', "4: the line is not CSV"),
    ],
)
def test_a_mistake_is_refused_with_its_line(file: Path, line: str, sentence: str) -> None:
    lines = [*GOOD.split("\n")[:3], line, ""]
    with pytest.raises(ConfigurationError) as refused:
        read(file, "\n".join(lines))
    assert f"{file}:{sentence}" in str(refused.value) or sentence in str(refused.value)
    assert str(refused.value).startswith(f"{file}:4: ")
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", ":1: the columns are ''; the first line must be date,currency,rate"),
        ("Date,USD,JPY\n", ":1: the columns are 'date,usd,jpy'"),
        ("date;currency;rate\n", ":1: the columns are 'date;currency;rate'"),
        ("date,currency,rate\n", ": the file has no rates"),
        ("date,currency,rate\n2025-03-13,EUR,1\n", ": the file has no rates"),
    ],
)
def test_a_file_without_rates_is_refused(file: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(file, text)
    assert f"{file}{sentence}" in str(refused.value)


def test_what_is_no_text_file_is_refused(file: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read_rates(file, "EUR")
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        read_rates(file.parent, "EUR")
    file.write_bytes(GOOD.encode("utf-16"))
    with pytest.raises(ConfigurationError, match="is not UTF-8 at byte 0"):
        read_rates(file, "EUR")


def test_the_base_is_a_currency(file: Path) -> None:
    with pytest.raises(ConfigurationError, match="the base currency 'EURO' is unknown; do you mean EUR"):
        read(file, GOOD, base="EURO")


def test_ten_mistakes_are_shown_and_the_others_counted(file: Path) -> None:
    lines = "".join(f"2025-03-{day:02},USD,x\n" for day in range(1, 15))
    with pytest.raises(ConfigurationError) as refused:
        read(file, f"date,currency,rate\n{lines}")
    shown = str(refused.value).split("\n")
    assert [line.split(": ")[0] for line in shown[:-1]] == [f"{file}:{line}" for line in range(2, 12)]
    assert shown[-1] == "and 4 more"


def test_a_rate_of_tomorrow_is_taken(file: Path) -> None:
    # east of Greenwich a day starts before that of UTC
    assert len(read(file, GOOD + "2025-03-18,USD,1.09\n").rates) == 4


def test_the_largest_rate_with_all_decimals_is_exact() -> None:
    assert parse_rate("99999999.999999999") == MAX_RATE * UNIT - 1
    assert parse_rate("0.000000001") == 1
    assert parse_rate("0001.5") == 1_500_000_000


def test_an_appended_file_has_the_digest_of_before(file: Path) -> None:
    # given
    before = read(file, GOOD)
    last_day = day_of(date(2025, 3, 14))
    # when
    after = read(file, GOOD + "2025-03-17,USD,1.09\n")
    # then
    assert after.digest(last_day) == before.digest(last_day)
    assert after.digest(last_day + 3) != before.digest(last_day + 3)
    assert before.describe_change(after, last_day) is None


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "160.73",
            "160.74",
            "the rate of JPY on 2025-03-13 was 160.73 and is 160.74; rates up to 2025-03-13 that differ: 1",
        ),
        ("2025-03-13,JPY,160.73\n", "", "the rate of JPY on 2025-03-13 was 160.73 and is absent"),
        (
            "date,currency,rate\n",
            "date,currency,rate\n2025-03-12,GBP,0.8\n",
            "GBP on 2025-03-12 was absent",
        ),
    ],
)
def test_a_changed_past_rate_is_noticed(file: Path, old: str, new: str, sentence: str) -> None:
    # given
    before = read(file, GOOD)
    # when
    after = read(file, GOOD.replace(old, new))
    # then
    last_day = day_of(date(2025, 3, 13))
    assert after.digest(last_day) != before.digest(last_day)
    assert sentence in str(before.describe_change(after, last_day))


def test_the_base_is_a_part_of_the_digest() -> None:
    rates = {(20_000, "USD"): UNIT}
    assert DailyRates("EUR", rates).digest(20_000) != DailyRates("CHF", rates).digest(20_000)


def test_days_are_counted_from_1970() -> None:
    assert day_of(date(1970, 1, 2)) == 1
    assert date_of(day_of(TODAY)) == TODAY

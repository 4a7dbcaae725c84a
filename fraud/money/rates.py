"""Daily exchange rates from a CSV file, checked.

A file has the columns date, currency and rate. A rate says how many units of the currency one unit of the
base costs, as the European Central Bank publishes its reference rates: with the base EUR,
`2025-03-14,USD,1.0883` means that a euro costs 1.0883 dollars.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path

from fraud.errors import ConfigurationError
from fraud.money.currencies import CURRENCIES

RATE_DECIMALS = 9
"""A rate is kept as an integer of units of 10 ** -9."""

MAX_RATE = 10**8
"""Rates are below it: with nine decimals, ten of them fit in 64 bits."""

EPOCH = date(1970, 1, 1)
COLUMNS = ("date", "currency", "rate")

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_RATE = re.compile(r"([0-9]+)(?:\.([0-9]+))?")
_SHOWN = 10
_MAX_BYTES = 256 << 20


@dataclass(frozen=True)
class DailyRates:
    """Every rate that is known.

    Attributes:
        base: the currency that one unit is taken of.
        rates: by day (days since 1970) and currency, in units of 10 ** -`RATE_DECIMALS`.
    """

    base: str
    rates: Mapping[tuple[int, str], int]

    def digest(self, last_day: int, first_day: int = 0) -> str:
        """Identifies all rates dated from one day to another, both included; 16 hex digits."""
        found = (one for one in self._until(last_day) if one[0] >= first_day)
        content = sorted(f"{day} {currency} {rate}" for day, currency, rate in found)
        return blake2b("\n".join([self.base, *content]).encode(), digest_size=8).hexdigest()

    def describe_change(self, later: "DailyRates", last_day: int) -> str | None:
        """A sentence on the first rate dated up to a day in which a later file differs; None if none does."""
        before, after = set(self._until(last_day)), set(later._until(last_day))
        if before == after:
            return None
        day, currency, _ = min(before ^ after)
        former, present = (written_rate(one.rates.get((day, currency))) for one in (self, later))
        return (
            f"the rate of {currency} on {date_of(day)} was {former} and is {present}; "
            f"rates up to {date_of(last_day)} that differ: {len({one[:2] for one in before ^ after}):,}"
        )

    def first_change(self, later: "DailyRates") -> int:
        """The first day on which later rates differ from these; there is one."""
        return min(set(self.rates.items()) ^ set(later.rates.items()))[0][0]

    def _until(self, last_day: int) -> Iterator[tuple[int, str, int]]:
        return ((day, currency, rate) for (day, currency), rate in self.rates.items() if day <= last_day)


def day_of(moment: date) -> int:
    """A date as days since 1970."""
    return (moment - EPOCH).days


def date_of(day: int) -> date:
    """The inverse of `day_of`."""
    return EPOCH + timedelta(days=day)


def read_rates(path: Path, base: str, today: date | None = None) -> DailyRates:
    """Read and check a file of rates.

    Args:
        path: of the CSV file.
        base: the base currency.
        today: the date (UTC) by which rates of the future are recognised; default: the clock's.

    Raises:
        ConfigurationError: the file cannot be used; a line for each of the first ten mistakes.
    """
    _require_currency(base)
    latest = (today or datetime.now(UTC).date()) + timedelta(days=1)
    return _parsed(str(path), _text(path), base, day_of(latest))


def parse_rates(source: str, content: bytes, base: str) -> DailyRates:
    """Check what `rates_as_csv` has made; rates of the future are as good as others.

    Raises:
        ConfigurationError: it cannot be used.
    """
    return _parsed(source, content.decode("utf-8-sig"), base, day_of(date.max))


def rates_as_csv(daily: DailyRates) -> bytes:
    """The rates as a CSV file, sorted."""
    lines = (
        f"{date_of(day)},{currency},{written_rate(rate)}\n"
        for (day, currency), rate in sorted(daily.rates.items())
    )
    return "".join([",".join(COLUMNS) + "\n", *lines]).encode()


def _parsed(source: str, text: str, base: str, latest: int) -> DailyRates:
    reading = _RatesSoFar(base, latest)
    for line, cells in _rows(source, text):
        mistake = reading.add(line, cells)
        if mistake:
            reading.mistakes.append(f"{source}:{line}: {mistake}")
    if reading.mistakes:
        raise ConfigurationError(_joined(reading.mistakes))
    if not reading.rates:
        raise ConfigurationError(f"{source}: the file has no rates; add a line such as 2025-03-14,USD,1.0883")
    return DailyRates(base, reading.rates)


@dataclass
class _RatesSoFar:
    """What was read so far."""

    base: str
    latest: int
    rates: dict[tuple[int, str], int] = field(default_factory=dict)
    lines: dict[tuple[int, str], int] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)
    _days: dict[str, int | str] = field(default_factory=dict)

    def add(self, line: int, cells: list[str]) -> str | None:
        """Take a row in the order of `COLUMNS`; the sentence on its mistake if it has one."""
        if len(cells) != len(COLUMNS):
            return (
                f"the line has {len(cells)} cells where {len(COLUMNS)} are expected; "
                "separate cells by a comma and decimals by a point"
            )
        text, currency, rate_text = cells
        # A file of 27 years has 10,000 dates in 300,000 rows.
        if text not in self._days:
            self._days[text] = parse_day(text, self.latest)
        day = self._days[text]
        if isinstance(day, str):
            return day
        if currency not in CURRENCIES:
            return unknown_currency(currency)
        rate = parse_rate(rate_text)
        if isinstance(rate, str):
            return rate
        return self._keep(line, (day, currency), rate)

    def _keep(self, line: int, key: tuple[int, str], rate: int) -> str | None:
        day, currency = key
        if key in self.lines:
            return f"{currency} on {date_of(day)} is in line {self.lines[key]}, too; remove one of them"
        self.lines[key] = line
        if currency != self.base:
            self.rates[key] = rate
        elif rate != 10**RATE_DECIMALS:
            return f"{currency} is the base, so its rate is 1; is the file one of another base?"
        return None


def _rows(source: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """The number of the line and the cells of each row that is not blank, in the order of `COLUMNS`."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        order = _order(source, [name.strip().lower() for name in next(reader, [])])
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                is_whole = len(stripped) == len(order)
                yield reader.line_num, [stripped[index] for index in order] if is_whole else stripped
    except csv.Error as error:
        raise ConfigurationError(f"{source}:{reader.line_num}: the line is not CSV: {error}") from None


def _order(source: str, header: list[str]) -> list[int]:
    if sorted(header) != sorted(COLUMNS):
        raise ConfigurationError(
            f"{source}:1: the columns are {','.join(header)[:100]!r}; "
            f"the first line must be {','.join(COLUMNS)}"
        )
    return [header.index(name) for name in COLUMNS]


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigurationError(f"{path}: the file is larger than {_MAX_BYTES >> 20} MiB")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path}: the rates cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path}: the file is not UTF-8 at byte {error.start}; save it as UTF-8"
        ) from error


def parse_day(text: str, latest: int) -> int | str:
    """A date as days since 1970, or the sentence that says why it is none; `latest` is the last allowed."""
    try:
        day = day_of(date.fromisoformat(text if _DATE.fullmatch(text) else ""))
    except ValueError:
        return f"date {text[:40]!r} is no date; write it as 2025-03-14"
    if day > latest:
        return f"date {text} is in the future; a rate is known once its day has come"
    return f"date {text} is before 1970, and so before any payment" if day < 0 else day


def parse_rate(text: str) -> int | str:
    """A rate in units of 10 ** -`RATE_DECIMALS`, or the sentence that says why it is none."""
    found = _RATE.fullmatch(text)
    if found is None:
        return f"rate {text[:40]!r} is no positive decimal number; write it as 1.0883"
    whole, decimals = found[1].lstrip("0"), (found[2] or "").rstrip("0")
    if len(decimals) > RATE_DECIMALS:
        return f"rate {text[:40]} has more than {RATE_DECIMALS} decimals; round it"
    if len(whole) > len(str(MAX_RATE)) - 1:
        return f"rate {text[:40]} is not below {MAX_RATE:,}; is it the right currency?"
    rate = int(f"{whole}{decimals:0<{RATE_DECIMALS}}")
    return rate or "the rate is 0; leave the line out where there is no rate"


def _require_currency(base: str) -> None:
    if base not in CURRENCIES:
        raise ConfigurationError(f"the base {unknown_currency(base)}")


def unknown_currency(code: str) -> str:
    """The sentence on a code that is none of ISO 4217."""
    similar = get_close_matches(code.upper(), CURRENCIES, n=1, cutoff=0.6)
    hint = f"; do you mean {similar[0]}?" if similar else "; use a code of ISO 4217"
    return f"currency {code[:40]!r} is unknown{hint}"


def written_rate(rate: int | None) -> str:
    """A rate as a decimal number, without zeros at its end; `absent` if there is none."""
    return "absent" if rate is None else f"{Decimal(rate).scaleb(-RATE_DECIMALS).normalize():f}"


def _joined(mistakes: list[str]) -> str:
    more = len(mistakes) - _SHOWN
    return "\n".join([*mistakes[:_SHOWN], *([f"and {more:,} more"] if more > 0 else [])])

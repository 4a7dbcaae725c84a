"""The rates of a scenario's currencies, as the file that definitions with a base currency read."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from fraud.errors import ConfigurationError
from fraud.money.rates import COLUMNS
from producer.scenario import Currency

BASE = "EUR"
"""Scenarios say what a euro is worth in each currency."""


def write_rates(path: Path, currencies: tuple[Currency, ...], first: date, last: date) -> int:
    """Write a rate of each currency for every day on which it may be needed.

    Args:
        path: of the file, which must not exist.
        currencies: of the scenario; their rates do not change.
        first: the first day of payments, whose rates are of the day before.
        last: the last day of the file.

    Returns:
        How many rates it has.

    Raises:
        ConfigurationError: the file exists or cannot be written.
    """
    days = [first + timedelta(days=number) for number in range(-1, (last - first).days + 1)]
    lines = [
        f"{day},{one.code},{Decimal(str(one.per_euro)):f}"
        for day in days
        for one in currencies
        if one.code != BASE
    ]
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write("\n".join([",".join(COLUMNS), *lines, ""]))
    except FileExistsError:
        raise ConfigurationError(f"{path} exists; name another file, or leave --rates out") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror or error}") from error
    return len(lines)

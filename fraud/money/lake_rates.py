"""The rates of the topic in the lake, where training finds them: what the last ingest has read."""

from fraud.errors import DataError
from fraud.lake import Lake, open_lake
from fraud.money.rates import DailyRates, parse_rates, rates_as_csv
from fraud.money.topic import load_topic_rates, money_of_topic
from fraud.settings import Settings


def store_rates(lake: Lake, daily: DailyRates) -> bool:
    """Write the rates into the lake unless it has the same ones; returns whether it did."""
    path, content = _path(daily.base), rates_as_csv(daily)
    if lake.exists(path):
        with lake.open(path) as file:
            if file.read() == content:
                return False
    lake.write_bytes(content, path)
    return True


def store_topic_rates(settings: Settings, lake: Lake) -> DailyRates | None:
    """Use the rates that the topic holds now, and write them into the lake if there are any.

    Returns:
        The rates; None where the definitions do not take them from the topic.

    Raises:
        UnreachableError: the topic cannot be read.
    """
    if not load_topic_rates(settings):
        return None
    money = money_of_topic(settings)
    assert money is not None
    if money.rates.daily.rates:
        store_rates(lake, money.rates.daily)
    return money.rates.daily


def read_rates_of_lake(lake: Lake, base: str) -> DailyRates:
    """The rates of the last ingest.

    Raises:
        DataError: there are none.
        ConfigurationError: the file was changed by hand and cannot be used.
    """
    path = _path(base)
    if not lake.exists(path):
        raise DataError(
            f"the lake has no {path}, and the definitions take rates from the topic; publish rates "
            "(fraud rates publish FILE), then run the ingest flow, which brings them to the lake"
        )
    with lake.open(path) as file:
        return parse_rates(path, file.read(), base)


def load_lake_rates(settings: Settings) -> None:
    """Use the rates of the lake, if the definitions take them from the topic.

    Raises:
        DataError: no ingest has brought any.
    """
    money = money_of_topic(settings)
    if money is not None:
        money.rates.replace(read_rates_of_lake(open_lake(settings), money.code))


def _path(base: str) -> str:
    return f"rates/{base}.csv"

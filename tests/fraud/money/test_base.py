"""The file of rates while it is in use: renewed every day, never worse than before."""

import logging
import pickle
from pathlib import Path

import pytest

from fraud.errors import ConfigurationError
from fraud.money.base import BaseCurrency
from fraud.money.conversion import DAY_MS, UNKNOWN
from fraud.money.rates import date_of

DAY = 20_000
GOOD = f"date,currency,rate\n{date_of(DAY)},USD,2\n{date_of(DAY + 1)},USD,4\n"
APPENDED = f"{GOOD}{date_of(DAY + 2)},USD,5\n"


@pytest.fixture
def money(tmp_path: Path) -> BaseCurrency:
    (tmp_path / "rates.csv").write_text(GOOD)
    return BaseCurrency("EUR", tmp_path / "rates.csv")


def renewed(money: BaseCurrency, text: str, newest: int = (DAY + 2) * DAY_MS) -> BaseCurrency:
    """The file is written and noticed, when the newest payment so far was of `newest`."""
    money.rates  # noqa: B018 - it is read at the first use
    file_of(money).write_text(text)
    money.rates.renew(newest, check_s=0)
    money.rates.wait()
    return money


def file_of(money: BaseCurrency) -> Path:
    assert money.path is not None
    return money.path


def converted(money: BaseCurrency, day: int) -> int:
    return money.rates.table.convert(2_000, "USD", day * DAY_MS)


def test_appended_rates_are_used(money: BaseCurrency, caplog: pytest.LogCaptureFixture) -> None:
    # given
    assert converted(money, DAY + 3) == 500
    # when
    renewed(money, APPENDED)
    # then
    assert converted(money, DAY + 3) == 400
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_broken_file_leaves_the_former_rates(money: BaseCurrency, caplog: pytest.LogCaptureFixture) -> None:
    # when
    renewed(money, GOOD + "oops\n")
    # then
    assert converted(money, DAY + 3) == 500
    assert "the former rates stay in use" in caplog.text
    assert "rates.csv:4: the line has 1 cells where 3 are expected" in caplog.text
    # and when it is right again
    renewed(money, APPENDED)
    assert converted(money, DAY + 3) == 400


def test_a_file_that_is_gone_leaves_the_former_rates(money: BaseCurrency) -> None:
    money.rates  # noqa: B018
    file_of(money).unlink()
    money.rates.renew(0, check_s=0)
    money.rates.wait()
    assert converted(money, DAY + 3) == 500


def test_a_changed_past_rate_is_said(money: BaseCurrency, caplog: pytest.LogCaptureFixture) -> None:
    renewed(money, GOOD.replace(",2\n", ",3\n"))
    assert f"the rate of USD on {date_of(DAY)} was 2 and is 3" in caplog.text
    assert "training will have the new ones" in caplog.text


def test_a_file_that_is_renewed_late_is_said(money: BaseCurrency, caplog: pytest.LogCaptureFixture) -> None:
    # given payments of a day whose rate is not in the file yet
    newest = (DAY + 3) * DAY_MS
    # when it comes
    renewed(money, APPENDED, newest)
    # then
    assert f"the rate of USD on {date_of(DAY + 2)} was absent and is 5" in caplog.text


def test_it_is_looked_at_from_time_to_time(money: BaseCurrency) -> None:
    money.rates  # noqa: B018
    file_of(money).write_text(APPENDED)
    money.rates.renew(0, check_s=3_600)
    money.rates.wait()
    assert converted(money, DAY + 3) == 500


def test_another_process_has_the_same_rates(money: BaseCurrency) -> None:
    # given
    renewed(money, APPENDED)
    # when it is sent to a machine without the file
    copy = pickle.loads(pickle.dumps(money))
    file_of(money).unlink()
    # then
    assert copy == money
    assert converted(copy, DAY + 3) == 400


def test_definitions_are_the_same_wherever_the_file_is(money: BaseCurrency, tmp_path: Path) -> None:
    assert BaseCurrency("EUR", tmp_path / "elsewhere.csv") == money
    assert hash(BaseCurrency("EUR", tmp_path / "elsewhere.csv")) == hash(money)
    assert BaseCurrency("CHF", money.path) != money


def test_a_file_that_cannot_be_used_is_refused_at_the_first_use(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the rates cannot be read"):
        BaseCurrency("EUR", tmp_path / "absent.csv").rates  # noqa: B018


def test_the_oldest_rate_that_is_used_is_a_setting(money: BaseCurrency) -> None:
    strict = BaseCurrency("EUR", money.path, max_age_days=1)
    assert strict.rates.table.convert(2_000, "USD", (DAY + 2) * DAY_MS) == 500
    assert strict.rates.table.convert(2_000, "USD", (DAY + 3) * DAY_MS) == UNKNOWN

"""No log record has a card number, whatever logs it."""

import io
import logging
from collections.abc import Iterator

import pytest

from fraud.cards.log_records import mask_log_records
from tests.fraud.cards.made import AMEX, VISA


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """What a handler of somebody else's logger writes."""
    before = logging.getLogRecordFactory()
    mask_log_records()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logging.getLogger("a.library")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)
    logging.setLogRecordFactory(before)


def fail(text: str) -> None:
    raise ValueError(text)


def test_messages_and_their_values_are_masked(output: io.StringIO) -> None:
    log = logging.getLogger("a.library")
    log.error("refused %s", VISA)
    log.error(f"refused {AMEX}")
    log.error("refused %(card)s", {"card": VISA})
    log.error("took %d of %s", 7, "c_1")
    assert output.getvalue().splitlines() == [
        "ERROR refused 411111******1111", "ERROR refused 378282*****0005", "ERROR refused 411111******1111",
        "ERROR took 7 of c_1",
    ]  # fmt: skip


def test_tracebacks_are_masked(output: io.StringIO) -> None:
    try:
        fail(f"no card {VISA}")
    except ValueError:
        logging.getLogger("a.library").exception("it failed")
    assert VISA not in output.getvalue()
    assert "ValueError: no card 411111******1111" in output.getvalue()


def test_a_record_with_nothing_to_mask_keeps_its_exception(output: io.StringIO) -> None:
    records: list[logging.LogRecord] = []
    logging.getLogger("a.library").addFilter(lambda record: records.append(record) or True)  # type: ignore[func-returns-value]
    try:
        fail("no card c_1")
    except ValueError:
        logging.getLogger("a.library").exception("it failed")
    assert records[0].exc_info is not None


def test_masking_twice_makes_one_factory() -> None:
    before = logging.getLogRecordFactory()
    mask_log_records()
    once = logging.getLogRecordFactory()
    mask_log_records()
    assert logging.getLogRecordFactory() is once
    logging.setLogRecordFactory(before)

"""Log records without card numbers, whatever logs them: our code, a library, Prefect."""

import logging
from typing import Any

from fraud.cards.masking import mask_text

_TRACEBACKS = logging.Formatter()


def mask_log_records() -> None:
    """Mask card numbers in all records of this process from now on: in messages and in tracebacks."""
    make = logging.getLogRecordFactory()
    if not isinstance(make, _MaskingFactory):
        logging.setLogRecordFactory(_MaskingFactory(make))


class _MaskingFactory:
    """Makes records as the factory before did, and masks those that hold a card number."""

    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, *args: Any, **named: Any) -> logging.LogRecord:
        """A record; one without a card number stays as it was made."""
        record: logging.LogRecord = self._make(*args, **named)
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            return record  # a wrong format is an error for its handler
        masked = mask_text(message)
        if masked != message:
            record.msg, record.args = masked, None
        _mask_traceback(record)
        return record


def _mask_traceback(record: logging.LogRecord) -> None:
    """Handlers use the text of a traceback where a record has one, in place of its exception."""
    if not record.exc_info or record.exc_info[1] is None:
        return
    text = _TRACEBACKS.formatException(record.exc_info)
    masked = mask_text(text)
    if masked != text:
        record.exc_info, record.exc_text = None, masked

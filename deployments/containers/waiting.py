"""Repeats a check until it passes, and reports each new reason why it does not."""

import time
from collections.abc import Callable

from fraud.deadline import Deadline
from fraud.errors import ConfigurationError, FraudError

_PAUSE_S = 2.0


def poll(check: Callable[[], object], timeout_s: float, report: Callable[[str], None]) -> None:
    """Call `check` until it raises nothing; a malformed setting is not waited for.

    Raises:
        FraudError: the last one of `check`, after `timeout_s`.
    """
    deadline, reported = Deadline(timeout_s), ""
    while True:
        try:
            check()
        except ConfigurationError:
            raise
        except FraudError as error:
            if deadline.is_over:
                raise
            if str(error) != reported:
                reported = str(error)
                report(f"waiting: {reported}")
            time.sleep(min(_PAUSE_S, deadline.remaining_s))
        else:
            return

"""Asking again until the answer is good, and telling every new reason why it is not."""

import time
from collections.abc import Callable

from fraud.errors import ConfigurationError, FraudError

_PAUSE_S = 2.0


def poll(look: Callable[[], object], patience_s: float, say: Callable[[str], None]) -> None:
    """Call `look` until it raises no more; a malformed setting is not waited for.

    Raises:
        FraudError: the last one of `look`, after `patience_s`.
    """
    deadline, told = time.monotonic() + patience_s, ""
    while True:
        try:
            look()
        except ConfigurationError:
            raise
        except FraudError as error:
            if time.monotonic() >= deadline:
                raise
            if str(error) != told:
                told = str(error)
                say(f"waiting: {told}")
            time.sleep(min(_PAUSE_S, max(0.0, deadline - time.monotonic())))
        else:
            return

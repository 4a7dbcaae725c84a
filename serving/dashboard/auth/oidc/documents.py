"""What the issuer publishes, kept while it is fresh, and loaded by one thread at a time."""

import threading
import time
from collections.abc import Callable
from typing import Any

Document = dict[str, Any]
_FAILED_S = 5.0
"""After a failure nobody asks again for so long: all would wait for the same silent server."""


class IssuerDocument:
    """A document that is loaded when it is needed.

    While one thread loads it, the others go on with the one that is there, even if it is old; without one
    they wait for that thread, never for a try of their own.

    Args:
        load: gives the document, or raises OSError, ValueError or what the caller knows.
        wait_s: how long others wait.
    """

    def __init__(self, load: Callable[[], Document], wait_s: float) -> None:
        self._load = load
        self._wait_s = wait_s
        self._changed = threading.Condition()
        self._is_loading = False
        self._document: Document | None = None
        self._loaded_at = self._failed_at = float("-inf")
        self._error: Exception = OSError("not loaded yet")

    def get(self, max_age_s: float = float("inf")) -> Document:
        """The document, at most this old if the issuer answers.

        Raises:
            OSError: there is none, and the issuer does not answer.
            Exception: as `load` raised it, just now or some seconds ago.
        """
        with self._changed:
            if self._document is None and self._is_loading:
                self._changed.wait_for(lambda: not self._is_loading, self._wait_s)
            if self._may_use(max_age_s):
                return self._kept()
            self._is_loading = True
        try:
            self._take(self._load())
        except Exception as error:
            self._fail(error)
        with self._changed:
            return self._kept()

    def _may_use(self, max_age_s: float) -> bool:
        """Whether what is there must do: it is fresh, another thread loads it, or that failed just now."""
        now = time.monotonic()
        is_fresh = self._document is not None and now - self._loaded_at <= max_age_s
        return is_fresh or self._is_loading or now - self._failed_at < _FAILED_S

    def _kept(self) -> Document:
        if self._document is not None:
            return self._document
        if self._is_loading:
            raise OSError("the issuer has not answered yet")
        raise self._error.with_traceback(None)

    def _take(self, document: Document) -> None:
        with self._changed:
            self._document, self._loaded_at, self._is_loading = document, time.monotonic(), False
            self._changed.notify_all()

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._error, self._failed_at, self._is_loading = error, time.monotonic(), False
            self._changed.notify_all()

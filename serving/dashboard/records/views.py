"""Who looked at which payment, card or merchant, as lines of the audit."""

import threading
import time
from collections import OrderedDict

from serving.dashboard.feed.audit import add_audit_entry
from serving.dashboard.feed.store import Store

CASE, CARD, MERCHANT, SEARCH = "case viewed", "card viewed", "merchant viewed", "search"
VIEWS = (CASE, CARD, MERCHANT, SEARCH)
"""Actions that change nothing; the audit's page can leave them out."""

_SAME_VIEW_S = 60.0
"""An open page asks again whenever something changes; within this time it is the same view."""
_MOST_REMEMBERED = 10_000


class ViewAudit:
    """Writes views to the audit before what is viewed is sent; the same view once a minute."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._noted: OrderedDict[tuple[str, ...], float] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, who: str, action: str, subject: str, card_ref: str = "") -> None:
        """Add a line, unless there was the same one just now."""
        view = (who, action, subject, card_ref)
        if not self._is_new(view):
            return
        with self._store.write_transaction() as connection:
            add_audit_entry(connection, who, action, subject, {"card_ref": card_ref} if card_ref else {})
        with self._lock:
            self._noted[view] = time.monotonic()
            while len(self._noted) > _MOST_REMEMBERED:
                self._noted.popitem(last=False)

    def _is_new(self, view: tuple[str, ...]) -> bool:
        with self._lock:
            noted = self._noted.pop(view, float("-inf"))
            is_new = time.monotonic() - noted > _SAME_VIEW_S
            if not is_new:
                self._noted[view] = noted
        return is_new

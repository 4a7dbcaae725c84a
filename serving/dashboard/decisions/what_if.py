"""Tries policies on stored payments, one at a time, in the background."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from typing import Any

import msgspec

from fraud.decisions.log.state import PolicyVersion
from fraud.decisions.policy import Policy
from fraud.errors import FraudError
from fraud.settings import Settings
from serving.dashboard.decisions.entries import EntryTable
from serving.dashboard.feed.clock import now_ms

log = logging.getLogger(__name__)
_KEPT = 16


class WhatIfBusyError(Exception):
    """Another policy is being tried."""


@dataclass(frozen=True)
class WhatIfRun:
    """One policy that is tried, or was.

    Attributes:
        key: of the text, `key_of`.
        days: of payments.
        by: who asked.
        started_at: ms; `ended_at` likewise, None while it runs.
        result: as the export has it, None without.
        problem: why there is no result.
    """

    key: str
    days: int
    by: str
    started_at: int
    ended_at: int | None = None
    result: dict[str, Any] | None = None
    problem: str | None = None


def key_of(text: str) -> str:
    """Identifies the text of a policy in requests."""
    return blake2b(text.encode(), digest_size=8).hexdigest()


def run_of(key: str, version: PolicyVersion) -> WhatIfRun | None:
    """The what-if that is attached to a version; None of one that this page cannot show."""
    from fraud.decisions.whatif.result import WhatIfResult  # takes long to import

    try:
        result = msgspec.json.decode(version.what_if or "null", type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    if not result.keys() >= {field.name for field in fields(WhatIfResult)}:
        return None
    return WhatIfRun(key, result["days"], version.author, version.proposed_at, version.proposed_at, result)


def try_policy(settings: Settings, entries: EntryTable, candidate: Policy, live: Policy, days: int) -> object:
    """What a policy would have done with the payments of the last days, with the lists as they are now.

    Raises:
        DataError: there are no predictions, or the lake does not have their payments.
        UnreachableError: Kafka or the lake does not answer.
    """
    # What decides and what reads the lake take seconds to import.
    from fraud.decisions.list_index import ListIndex
    from fraud.decisions.whatif.run import what_if

    lists = ListIndex()
    for entry in entries.all():
        lists.put(entry.list, entry.value, entry.expires)
    return what_if(settings, candidate, live, lists, days=days, now_ms=now_ms())


class WhatIfRunner:
    """Runs what-ifs on a thread of their own; the newest results are kept until the process ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, WhatIfRun] = OrderedDict()
        self._running: str | None = None

    def start(self, key: str, days: int, by: str, compute: Callable[[], object]) -> WhatIfRun:
        """Start to try a policy.

        Args:
            key: of its text.
            days: of payments.
            by: who asked.
            compute: gives the result; raises FraudError.

        Raises:
            WhatIfBusyError: another one is being tried.
        """
        run = WhatIfRun(key, days, by, now_ms())
        with self._lock:
            if self._running is not None:
                raise WhatIfBusyError
            self._running = key
            self._keep(run)
        threading.Thread(target=self._run, args=(run, compute), name="what-if", daemon=True).start()
        return run

    def find(self, key: str) -> WhatIfRun | None:
        """The newest run of a text."""
        with self._lock:
            return self._runs.get(key)

    @property
    def is_busy(self) -> bool:
        """Whether a policy is being tried."""
        return self._running is not None

    def _run(self, run: WhatIfRun, compute: Callable[[], object]) -> None:
        result, problem = None, None
        try:
            # Through JSON: without NaN, which browsers do not read.
            result = msgspec.json.decode(msgspec.json.encode(compute()))
        except FraudError as error:
            problem = str(error)
        except Exception:
            log.exception("a what-if failed")
            problem = "the what-if failed; see the dashboard's log"
        with self._lock:
            self._running = None
            self._keep(replace(run, ended_at=now_ms(), result=result, problem=problem))

    def _keep(self, run: WhatIfRun) -> None:
        self._runs[run.key] = run
        self._runs.move_to_end(run.key)
        while len(self._runs) > _KEPT:
            self._runs.popitem(last=False)

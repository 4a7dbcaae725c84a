"""Which alerts are one case: those of one card between which there are only short pauses.

A function of the stored alerts alone: the order in which they arrived does not matter, and an alert that
arrives late may join two cases.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple


class CaseAlert(NamedTuple):
    """What grouping needs of an alert.

    `timestamp` is its event time (ms), `card_ref` the reference of its card. `at_risk` is amount times
    probability in the base currency, or approximately in euros; `paid_at_risk` in minor units as paid.
    """

    card_ref: str
    timestamp: int
    transaction_id: str
    seq: int
    scored_at: int
    currency: str
    score: float
    at_risk: float
    paid_at_risk: float
    is_open: bool


class CasePoint(NamedTuple):
    """A moment at which somebody did something with a case: the event time of the alert that was open.

    It holds a case together when the alert is removed to make space.
    """

    card_ref: str
    timestamp: int


@dataclass(frozen=True)
class AlertCase:
    """The alerts of one case, by event time; there is at least one."""

    alerts: tuple[CaseAlert, ...]
    first: int
    last: int

    @property
    def card_ref(self) -> str:
        """The card that all alerts are of."""
        return self.alerts[0].card_ref

    @property
    def open_alerts(self) -> list[CaseAlert]:
        """The alerts that nobody has reviewed."""
        return [one for one in self.alerts if one.is_open]

    @property
    def at_risk(self) -> float:
        """Money at risk of the open alerts; the same in any order of them."""
        return math.fsum(one.at_risk for one in self.open_alerts)

    @property
    def main_alert(self) -> CaseAlert:
        """The alert to begin with: of the open ones that with the most money at risk."""
        return max(self.open_alerts or self.alerts, key=lambda one: (one.at_risk, one.transaction_id))

    def covers(self, point: CasePoint) -> bool:
        """Whether an action at this moment was one on this case."""
        return point.card_ref == self.card_ref and self.first <= point.timestamp <= self.last

    @property
    def id(self) -> str:
        """A name for the case, of its card and first alert."""
        first = self.alerts[0]
        return hashlib.sha256(f"{first.card_ref}/{first.transaction_id}".encode()).hexdigest()[:10]

    def has(self, seq: int) -> bool:
        """Whether the alert of this number is one of the case."""
        return any(one.seq == seq for one in self.alerts)


def group_alerts(alerts: Iterable[CaseAlert], points: Iterable[CasePoint], gap_ms: int) -> list[AlertCase]:
    """The cases of these alerts, by card and time.

    Args:
        alerts: all alerts of their cards.
        points: moments of actions on those cards; they make no case of their own.
        gap_ms: the longest pause within a case, in ms of event time.
    """
    by_card: dict[str, list[CaseAlert]] = defaultdict(list)
    for alert in alerts:
        by_card[alert.card_ref].append(alert)
    times: dict[str, set[int]] = {
        card: {one.timestamp for one in of_card} for card, of_card in by_card.items()
    }
    for point in points:
        if point.card_ref in times:
            times[point.card_ref].add(point.timestamp)
    return [case for card in sorted(by_card) for case in _of_card(by_card[card], sorted(times[card]), gap_ms)]


def _of_card(alerts: list[CaseAlert], times: Sequence[int], gap_ms: int) -> Iterable[AlertCase]:
    waiting = sorted(alerts, reverse=True)
    for first, last in _spans(times, gap_ms):
        of_case = []
        while waiting and waiting[-1].timestamp <= last:
            of_case.append(waiting.pop())
        if of_case:
            yield AlertCase(tuple(of_case), first, last)


def _spans(times: Sequence[int], gap_ms: int) -> list[tuple[int, int]]:
    breaks = [(a, b) for a, b in pairwise(times) if b - a > gap_ms]
    firsts = [times[0], *(after for _, after in breaks)]
    lasts = [*(before for before, _ in breaks), times[-1]]
    return list(zip(firsts, lasts, strict=True))

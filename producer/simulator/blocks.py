"""Cards that are blocked after a report, and the new ones that their holders get."""

import heapq
from collections.abc import Iterable

import numpy as np

from producer.simulator.draws import DAY_MS, Bools, Ints

_SPAN = 1 << 39
"""More ms than a history has (17 years): keys are ordered by card, then time."""

Report = tuple[int, int, int, int]
"""When a fraud was reported, of which card, when a thief first used it, when the new card is there (ms)."""


class CardBlocks:
    """The blocks of all cards, in the order of time, as far as `settle` was called.

    Args:
        origin: the midnight (ms) from which on cards are blocked.
        phase: by card: the position (days) in its lifetime on 1970-01-01.
        lifetime_days: until the bank issues a new card anyway.
    """

    def __init__(self, origin: int, phase: Ints, lifetime_days: int) -> None:
        self._origin, self._phase, self._lifetime = origin, phase, lifetime_days
        self._reports: list[Report] = []
        self._replaced: dict[int, int] = {}
        self._keys, self._ends = np.empty(0, np.int64), np.empty(0, np.int64)

    def add(self, reports: Iterable[Report]) -> None:
        """Reports of frauds, none of them of a moment that was settled."""
        for report in reports:
            heapq.heappush(self._reports, report)

    def settle(self, end: int) -> None:
        """Block the cards that are reported before `end` (ms), unless they were since they were stolen."""
        keys, ends = [], []
        while self._reports and self._reports[0][0] < end:
            at, card, stolen_at, replaced_at = heapq.heappop(self._reports)
            if self._replaced.get(card, -1) <= stolen_at:
                self._replaced[card] = replaced_at
                keys.append(card * _SPAN + at - self._origin)
                ends.append(replaced_at)
        self._insert(np.array(keys, np.int64), np.array(ends, np.int64))

    def _insert(self, keys: Ints, ends: Ints) -> None:
        order = np.argsort(keys)
        position = np.searchsorted(self._keys, keys[order])
        self._keys = np.insert(self._keys, position, keys[order])
        self._ends = np.insert(self._ends, position, ends[order])

    def are_blocked(self, card: Ints, time: Ints) -> Bools:
        """Whether the card is blocked at the time (ms) and the new one is not there yet."""
        return time < self._replacements(card, time)

    def are_stopped(self, card: Ints, time: Ints, stolen_at: Ints) -> Bools:
        """Whether the card that was stolen then does not pay at the time any more (both ms)."""
        stopped: Bools = (self._replacements(card, time) > stolen_at) | self.are_ended(card, time, stolen_at)
        return stopped

    def are_ended(self, card: Ints, time: Ints, stolen_at: Ints) -> Bools:
        """Whether the bank had issued a new card by then because the stolen one's lifetime was over."""
        ended: Bools = self.scheduled(card, time) != self.scheduled(card, stolen_at)
        return ended

    def issued(self, card: Ints, time: Ints) -> Ints:
        """The day since 1970-01-01 of which the card of the holder is, at a time (ms)."""
        return np.maximum(self._replacements(card, time) // DAY_MS, self.scheduled(card, time))

    def scheduled(self, card: Ints, time: Ints) -> Ints:
        """The day since 1970-01-01 on which the bank last issued a new card because the old one ended."""
        day = time // DAY_MS
        scheduled: Ints = day - (day + self._phase[card]) % self._lifetime
        return scheduled

    def _replacements(self, card: Ints, time: Ints) -> Ints:
        """When (ms) the new card is there after the last block up to the time; -1 if there was none."""
        if not len(self._keys):
            return np.full(len(card), -1)
        key = card * _SPAN + np.maximum(time - self._origin, -1)
        position = np.searchsorted(self._keys, key, side="right") - 1
        is_own = (position >= 0) & (self._keys[position] // _SPAN == card)
        return np.where(is_own, self._ends[position], -1)

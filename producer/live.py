"""Live traffic: the simulated world paying now, at a given rate.

A rate above the cards' own would mean that they pay implausibly often. So that habits stay
plausible, a session (payments of one card within the hour) keeps its real gaps, happens at its usual time of
the day, and goes to the cards that rested longest: each moment is made of several takes of the same hour.
"""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from producer.simulator import Simulator
from producer.simulator.draws import DAY_MS, HOUR_MS, Bools, Ints, Payments, generator
from producer.simulator.labels import simulate_reports
from producer.simulator.tables import label_table, transaction_ids, transaction_table, truth_table

MAX_CLOCK_DISTANCE_MS = 90 * 60_000
"""How far from now, in the time of the day, a session may start."""


class LiveTraffic:
    """Draws payments for given moments; `started_at` (ms) makes this run's identifiers its own."""

    def __init__(self, simulator: Simulator, started_at: int) -> None:
        self._simulator = simulator
        self._started_at = started_at
        self._take = 0
        self._drawn = 0
        self._last_paid = np.zeros(len(simulator.world.cards), np.int64)
        nothing = Payments.concat([])
        self._sessions, self._session_campaign, self._session_starts = nothing, np.empty(0, np.int64), [0]
        self._deferred, self._deferred_campaign = nothing, np.empty(0, np.int64)

    def draw(self, times: Ints) -> "LiveBatch":
        """One payment for each moment (ascending, ms): what is due of open sessions, then new ones."""
        due = np.flatnonzero(self._deferred.time <= times[-1])[: len(times)]
        payments, campaign = self._deferred.select(due), self._deferred_campaign[due]
        self._deferred = self._deferred.select(_complement(due, len(self._deferred)))
        self._deferred_campaign = np.delete(self._deferred_campaign, due)
        fresh, fresh_campaign = self._start_sessions(times[len(due) :])
        merged = Payments.concat([payments, fresh])
        self._last_paid[merged.card] = times[-1]
        stamped = Payments(merged.card, merged.merchant, times, merged.amount)
        self._drawn += len(stamped)
        return LiveBatch(
            self, stamped, np.concatenate([campaign, fresh_campaign]), self._drawn - len(stamped)
        )

    def _start_sessions(self, times: Ints) -> tuple[Payments, Ints]:
        """Start a session at each of the moments; its later payments are deferred."""
        while len(self._session_starts) - 1 < len(times):
            self._draw_sessions(int(times[0]))
        starts, end = np.array(self._session_starts[: len(times)], np.int64), self._session_starts[len(times)]
        opened, campaign = self._sessions.select(np.arange(end)), self._session_campaign[:end]
        owner = np.searchsorted(starts, np.arange(end), side="right") - 1
        shift = (times - opened.time[starts])[owner] if len(times) else np.empty(0, np.int64)
        shifted = Payments(opened.card, opened.merchant, opened.time + shift, opened.amount)
        follows = _complement(starts, end)
        self._defer(shifted.select(follows), campaign[follows])
        self._sessions = self._sessions.select(np.arange(end, len(self._sessions)))
        self._session_campaign = self._session_campaign[end:]
        self._session_starts = [start - end for start in self._session_starts[len(times) :]]
        return shifted.select(starts), campaign[starts]

    def _defer(self, payments: Payments, campaign: Ints) -> None:
        later = Payments.concat([self._deferred, payments])
        order = np.argsort(later.time, kind="stable")
        self._deferred = later.select(order)
        self._deferred_campaign = np.concatenate([self._deferred_campaign, campaign])[order]

    def _draw_sessions(self, now: int) -> None:
        """Another take of this hour: its sessions, in random order."""
        self._take += 1
        day = datetime.fromtimestamp(now / 1_000, UTC).date()
        legitimate = self._simulator.legitimate(day, self._take)
        fraud, kind = self._simulator.campaigns_started_on(day, self._take)
        payments = Payments.concat([legitimate, fraud])
        campaign = np.concatenate([np.full(len(legitimate), -1), kind])
        order = np.lexsort((payments.time, payments.card, campaign))
        payments, campaign = payments.select(order), campaign[order]
        starts = _find_session_starts(payments, campaign)
        chosen = np.flatnonzero(_is_near(payments.time[starts], now))
        chosen = self._longest_unused(payments.card[starts], campaign[starts], chosen)
        generator(self._simulator.world.seed, "shuffle", self._started_at, self._take).shuffle(chosen)
        self._append(payments, campaign, starts, chosen)

    def _longest_unused(self, card: Ints, campaign: Ints, chosen: Ints) -> Ints:
        """All the fraud, and of the legitimate sessions the half whose cards rested longest."""
        legitimate = chosen[campaign[chosen] < 0]
        longest = np.argsort(self._last_paid[card[legitimate]], kind="stable")
        kept = np.sort(legitimate[longest[: (len(longest) + 1) // 2]])
        fraud = chosen[campaign[chosen] >= 0]
        half = (
            generator(self._simulator.world.seed, "half", self._started_at, self._take).random(len(fraud))
            < 0.5
        )
        return np.concatenate([kept, fraud[half]])

    def _append(self, payments: Payments, campaign: Ints, starts: Ints, chosen: Ints) -> None:
        ends = np.append(starts[1:], len(payments))
        rows = [np.arange(starts[session], ends[session]) for session in chosen]
        if not rows:
            return
        flat, start = np.concatenate(rows), len(self._sessions)
        self._sessions = Payments.concat([self._sessions, payments.select(flat)])
        self._session_campaign = np.concatenate([self._session_campaign, campaign[flat]])
        self._session_starts.extend((start + np.cumsum([len(session) for session in rows])).tolist())

    def tables(self, batch: "LiveBatch", sent: int) -> tuple[pa.Table, pa.Table]:
        """Labels and truth of the first `sent` payments of a batch."""
        payments, campaign = batch.payments.select(np.arange(sent)), batch.campaign[:sent]
        day = datetime.fromtimestamp(self._started_at / 1_000, UTC).date()
        random = generator(self._simulator.world.seed, "live labels", self._started_at, batch.first)
        reports = simulate_reports(
            self._simulator.scenario_on(day), random, campaign >= 0, payments.time, payments.amount
        )
        transactions = batch.transactions.slice(0, sent)
        return label_table(transactions, reports, campaign), truth_table(
            transactions["transaction_id"].combine_chunks(), campaign
        )

    def transactions(self, payments: Payments, first: int) -> pa.Table:
        """The payments in `simulated_schema`, numbered from `first` on."""
        simulator = self._simulator
        ids = transaction_ids(simulator.world.seed ^ (self._started_at << 8), first, len(payments))
        return transaction_table(simulator.world, simulator.names, payments, ids)


class LiveBatch:
    """Payments stamped with their moments, and which campaign (-1: none) each belongs to."""

    def __init__(self, traffic: LiveTraffic, payments: Payments, campaign: Ints, first: int) -> None:
        self.payments = payments
        self.campaign = campaign
        self.first = first
        self.transactions = traffic.transactions(payments, first)


def _find_session_starts(payments: Payments, campaign: Ints) -> Ints:
    """Rows, sorted by campaign, card and time, at which another session starts."""
    starts = np.ones(len(payments), np.bool_)
    starts[1:] = (np.diff(payments.card) != 0) | (np.diff(campaign) != 0) | (np.diff(payments.time) > HOUR_MS)
    return np.flatnonzero(starts)


def _is_near(times: Ints, now: int) -> Bools:
    apart = (times - now) % DAY_MS
    near: Bools = np.minimum(apart, DAY_MS - apart) <= MAX_CLOCK_DISTANCE_MS
    return near


def _complement(rows: Ints, count: int) -> Ints:
    return np.delete(np.arange(count), rows)

"""Days of traffic: everybody's payments, the fraud among them, deliveries, and labels.

A day is a function of the scenario, the seed and the date alone, so that any day can be made without those
before it, and live traffic goes on where a history ended. Phases and blocks of cards also depend on the
history's start.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from producer.scenario import SimulationScenario, Transport
from producer.simulator.cardholders import legitimate
from producer.simulator.draws import MINUTE_MS, Ints, Payments, around_one, generator
from producer.simulator.frauds import Frauds, FraudsByDay
from producer.simulator.labels import SimulatedReports, simulate_reports, with_known_reports
from producer.simulator.tables import Names, label_table, transaction_ids, transaction_table, truth_table
from producer.simulator.turnover import Turnover
from producer.simulator.world import World, build_world


@dataclass(frozen=True)
class DayOfTraffic:
    """A day (UTC).

    Attributes:
        transactions: in `simulated_schema`, sorted by time.
        deliveries: rows of `transactions` in the order they reach the topic: some late, some twice.
        labels: all labels that its transactions will get, sorted by `reported_at`.
        truth: transaction_id, is_fraud, fraud_type. For evaluation only; it never goes to a topic.
    """

    day: date
    transactions: pa.Table
    deliveries: Ints
    labels: pa.Table
    truth: pa.Table

    def delivered(self) -> pa.Table:
        """The transactions as they are delivered."""
        return self.transactions.take(pa.array(self.deliveries))

    def after(self, moment: int) -> "DayOfTraffic":
        """What happens later than `moment` (ms) of the day."""
        first = int(np.searchsorted(self.transactions["timestamp"].to_numpy(), moment, side="right"))
        kept = self.transactions["transaction_id"].slice(first)
        known = pc.is_in(self.labels["transaction_id"], value_set=kept.combine_chunks())
        return DayOfTraffic(
            self.day,
            self.transactions.slice(first),
            self.deliveries[self.deliveries >= first] - first,
            self.labels.filter(known),
            self.truth.slice(first),
        )

    def until(self, end: int) -> "DayOfTraffic":
        """The day as far as it has gone at `end` (ms); labels of its transactions are kept."""
        kept = int(np.searchsorted(self.transactions["timestamp"].to_numpy(), end, side="right"))
        if kept == self.transactions.num_rows:
            return self
        ids = self.transactions["transaction_id"].slice(0, kept)
        known = pc.is_in(self.labels["transaction_id"], value_set=ids.combine_chunks())
        return DayOfTraffic(
            self.day,
            self.transactions.slice(0, kept),
            self.deliveries[self.deliveries < kept],
            self.labels.filter(known),
            self.truth.slice(0, kept),
        )


class Simulator:
    """Makes the days of a scenario's world; its phases count from `start`."""

    def __init__(self, scenario: SimulationScenario, seed: int, start: date) -> None:
        self.world = build_world(scenario, seed)
        self.turnover = Turnover.of(self.world, scenario.turnover) if scenario.turnover else None
        self._start = start
        self._frauds = FraudsByDay(self.world, self.turnover, self.scenario_on, start)
        self.names = Names(self.world, self.turnover, self._frauds.blocks_on)

    def plan(self, payments: Payments, campaign: Ints) -> None:
        """Add fraud to that of the scenario: payments, and the campaign that each belongs to."""
        self._frauds.plan(payments, campaign)

    def scenario_on(self, day: date) -> SimulationScenario:
        """The scenario with the phases that have come by `day`."""
        return self.world.scenario.after((day - self._start).days)

    def world_on(self, day: date) -> World:
        """The world with the merchants that are open on `day`."""
        return self.turnover.world_on(self.world, day) if self.turnover else self.world

    def legitimate(self, day: date, take: int = 0) -> Payments:
        """Everybody's payments of the day; `take` draws the same day again."""
        payments = legitimate(self.world_on(day), self.scenario_on(day), day, take)
        blocks = self._frauds.blocks_on(day)
        if blocks is None:
            return payments
        return payments.select(~blocks.are_blocked(payments.card, payments.time))

    def campaigns_started_on(self, day: date, take: int = 0) -> tuple[Payments, Ints]:
        """Payments of the campaigns that start on `day`, later days included, and the campaign of each."""
        frauds = self._frauds.started_on(day, take)
        return frauds.payments, frauds.campaign

    def day(self, day: date, run: int = 0) -> DayOfTraffic:
        """One day of traffic; a `run` other than 0 gives the same payments identifiers of its own."""
        honest, frauds = self.legitimate(day), self._frauds.on(day)
        payments = Payments.concat([honest, frauds.payments])
        campaign = np.concatenate([np.full(len(honest), -1), frauds.campaign])
        order = np.argsort(payments.time, kind="stable")
        payments, campaign = payments.select(order), campaign[order]
        ids = transaction_ids(self.world.seed ^ (run << 8), day.toordinal() << 32, len(payments))
        table = transaction_table(self.world, self.names, payments, ids)
        reports = self._reports(day, payments, frauds, np.argsort(order)[len(honest) :])
        random = generator(self.world.seed, "transport", day.toordinal())
        return DayOfTraffic(
            day=day,
            transactions=table,
            deliveries=_deliveries(self.scenario_on(day).transport, random, payments.time),
            labels=label_table(table, reports, campaign),
            truth=truth_table(ids, campaign),
        )

    def _reports(self, day: date, payments: Payments, frauds: Frauds, row: Ints) -> SimulatedReports:
        """The reports of a day's payments; `row` says where the frauds are among them."""
        scenario, random = self.scenario_on(day), generator(self.world.seed, "labels", day.toordinal())
        time, amount = payments.time, payments.amount
        if scenario.blocks is not None:
            return with_known_reports(scenario, random, frauds.reports, row, time, amount)
        fraud = np.zeros(len(payments), np.bool_)
        fraud[row] = True
        return simulate_reports(scenario, random, fraud, time, amount)


def simulate(scenario: SimulationScenario, seed: int, start: date) -> Iterator[DayOfTraffic]:
    """Days of traffic from `start` on, without end."""
    simulator = Simulator(scenario, seed, start)
    day = start
    while True:
        yield simulator.day(day)
        day += timedelta(days=1)


def _deliveries(transport: Transport, random: np.random.Generator, time: Ints) -> Ints:
    """Rows in the order of arrival; the late ones still arrive before the next day's."""
    count = len(time)
    late = random.random(count) < transport.late
    swapped = random.random(count) < transport.out_of_order
    delay = around_one(random, transport.late_minutes * MINUTE_MS, 1.0, count).astype(np.int64)
    jitter = random.integers(0, 3_000, count)
    arrival = time + np.where(late, delay, 0) + np.where(swapped, jitter, 0)
    again = np.flatnonzero(random.random(count) < transport.duplicated)
    repeated = arrival[again] + random.integers(1, 30_000, len(again))
    order = np.argsort(np.concatenate([arrival, repeated]), kind="stable")
    rows: Ints = np.concatenate([np.arange(count), again])[order]
    return rows

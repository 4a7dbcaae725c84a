"""Days of traffic: everybody's payments, the fraud among them, deliveries, and labels.

A day is a function of the scenario, the seed and the date alone, so that any day can be made without those
before it, and live traffic goes on where a history ended.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from producer.scenario import SimulationScenario, Transport
from producer.simulator.campaigns import CAMPAIGNS, LONGEST_DAYS
from producer.simulator.cardholders import legitimate, midnight_ms
from producer.simulator.draws import DAY_MS, MINUTE_MS, Ints, Payments, around_one, generator
from producer.simulator.labels import simulate_reports
from producer.simulator.tables import Names, label_table, transaction_ids, transaction_table, truth_table
from producer.simulator.world import build_world


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
        self.names = Names(self.world)
        self._start = start
        self._recent: dict[date, tuple[Payments, Ints]] = {}
        self._planned: list[tuple[Payments, Ints]] = []

    def plan(self, payments: Payments, campaign: Ints) -> None:
        """Add fraud to that of the scenario: payments, and the campaign that each belongs to."""
        self._planned.append((payments, campaign))

    def scenario_on(self, day: date) -> SimulationScenario:
        """The scenario with the phases that have come by `day`."""
        return self.world.scenario.after((day - self._start).days)

    def legitimate(self, day: date, take: int = 0) -> Payments:
        """Everybody's payments of the day; `take` draws the same day again."""
        return legitimate(self.world, self.scenario_on(day), day, take)

    def campaigns_started_on(self, day: date, take: int = 0) -> tuple[Payments, Ints]:
        """Payments of the campaigns that start on `day`, later days included, and the campaign of each."""
        scenario = self.scenario_on(day)
        parts = [campaign.started_on(self.world, scenario, day, take) for campaign in CAMPAIGNS]
        sizes = [len(part) for part in parts]
        return Payments.concat(parts), np.repeat(np.arange(len(parts)), sizes)

    def day(self, day: date, run: int = 0) -> DayOfTraffic:
        """One day of traffic; a `run` other than 0 gives the same payments identifiers of its own."""
        payments, campaign = self._payments(day)
        order = np.argsort(payments.time, kind="stable")
        payments, campaign = payments.select(order), campaign[order]
        ids = transaction_ids(self.world.seed ^ (run << 8), day.toordinal() << 32, len(payments))
        table = transaction_table(self.world, self.names, payments, ids)
        scenario = self.scenario_on(day)
        random = generator(self.world.seed, "labels", day.toordinal())
        reports = simulate_reports(scenario, random, campaign >= 0, payments.time, payments.amount)
        random = generator(self.world.seed, "transport", day.toordinal())
        return DayOfTraffic(
            day=day,
            transactions=table,
            deliveries=_deliveries(scenario.transport, random, payments.time),
            labels=label_table(table, reports, campaign),
            truth=truth_table(ids, campaign),
        )

    def _payments(self, day: date) -> tuple[Payments, Ints]:
        """The day's payments, the legitimate ones (campaign -1) first."""
        parts, campaigns = [self.legitimate(day)], []
        campaigns.append(np.full(len(parts[0]), -1))
        for payments, campaign in [*self._recent_campaigns(day), *self._planned]:
            today = payments.time // DAY_MS == midnight_ms(day) // DAY_MS
            parts.append(payments.select(today))
            campaigns.append(campaign[today])
        return Payments.concat(parts), np.concatenate(campaigns)

    def _recent_campaigns(self, day: date) -> list[tuple[Payments, Ints]]:
        days = [day - timedelta(days=back) for back in range(LONGEST_DAYS, -1, -1)]
        self._recent = {
            started: self._recent.get(started) or self.campaigns_started_on(started) for started in days
        }
        return list(self._recent.values())


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

"""The frauds of a world's days: campaigns, what their thieves learn, who reports them, and what that stops.

In a scenario with `blocks`, a day's frauds follow from all days since `LOOK_BACK_DAYS` before the history's
start, of which frauds alone are made. In any other one they follow from the campaigns in progress.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from producer.scenario import SimulationScenario
from producer.simulator.blocks import CardBlocks
from producer.simulator.campaigns import CAMPAIGNS, LONGEST_DAYS
from producer.simulator.cardholders import midnight_ms
from producer.simulator.draws import DAY_MS, Bools, Ints, Payments, generator
from producer.simulator.labels import FraudReports, report_frauds
from producer.simulator.pace import fraud_share
from producer.simulator.reactions import react
from producer.simulator.turnover import Turnover
from producer.simulator.world import World

LOOK_BACK_DAYS = 120
"""Cards are blocked from so many days before the history on, so that it does not begin with none."""
_PLANNED = 1_000
"""The take of the first planned attacks: days of a history have 0."""


@dataclass(frozen=True)
class Frauds:
    """Frauds as columns; without `blocks` in the scenario, `stolen_at` (ms) and `reports` are of no use."""

    payments: Payments
    campaign: Ints
    stolen_at: Ints
    reports: FraudReports

    def __len__(self) -> int:
        return len(self.payments)

    def select(self, chosen: Bools | Ints) -> "Frauds":
        """Those at the positions or for which the mask is true."""
        return Frauds(
            self.payments.select(chosen),
            self.campaign[chosen],
            self.stolen_at[chosen],
            self.reports.select(chosen),
        )

    @staticmethod
    def concat(parts: Sequence["Frauds"]) -> "Frauds":
        """All parts, one after another."""
        return Frauds(
            Payments.concat([part.payments for part in parts]),
            np.concatenate([part.campaign for part in parts]),
            np.concatenate([part.stolen_at for part in parts]),
            FraudReports.concat([part.reports for part in parts]),
        )


class FraudsByDay:
    """Makes the frauds of a world's days.

    Args:
        world: with all merchants.
        turnover: when they are open; None: always.
        scenario_on: the scenario as it is on a day.
        start: the first day of the history.
    """

    def __init__(
        self,
        world: World,
        turnover: Turnover | None,
        scenario_on: Callable[[date], SimulationScenario],
        start: date,
    ) -> None:
        self._world, self._turnover, self._scenario_on = world, turnover, scenario_on
        self._origin = start - timedelta(days=LOOK_BACK_DAYS)
        self._recent: dict[date, Frauds] = {}
        self._planned: list[Frauds] = []
        self._blocks, self._settled = self._no_blocks(), self._origin

    def _no_blocks(self) -> CardBlocks | None:
        scenario, cards = self._world.scenario, self._world.cards
        if scenario.blocks is None:
            return None
        return CardBlocks(midnight_ms(self._origin), cards.phase, scenario.card_lifetime_days)

    def plan(self, payments: Payments, campaign: Ints) -> None:
        """Add fraud to that of the scenario: payments, and the campaign that each belongs to.

        Thieves react here too, and nothing is paid with a card that is blocked by then.
        """
        if self._turnover is not None:
            payments = self._turnover.reopened(payments)
        for number in np.unique(campaign):
            chosen = payments.select(campaign == number)
            day = date.fromordinal(date(1970, 1, 1).toordinal() + int(chosen.time.min()) // DAY_MS)
            take = _PLANNED + len(self._planned)
            self._planned.append(self._as_frauds(self._world_on(day), int(number), day, chosen, take))
        self._blocks, self._settled = self._no_blocks(), self._origin

    def started_on(self, day: date, take: int = 0) -> Frauds:
        """The frauds of the campaigns that start on `day`, later days included, whatever is blocked."""
        world, scenario = self._world_on(day), self._scenario_on(day)
        parts = []
        for number, campaign in enumerate(CAMPAIGNS):
            payments = campaign.started_on(world, scenario, day, take)
            parts.append(self._as_frauds(world, number, day, payments, take))
        return Frauds.concat(parts)

    def on(self, day: date) -> Frauds:
        """The frauds that happen on the day."""
        start, parts = midnight_ms(day), []
        for frauds in [*self._recent_campaigns(day), *self._planned]:
            parts.append(frauds.select(frauds.payments.time // DAY_MS == start // DAY_MS))
        today, blocks = Frauds.concat(parts), self.blocks_on(day)
        if blocks is None:
            return today
        stopped = blocks.are_stopped(today.payments.card, today.payments.time, today.stolen_at)
        return today.select(~stopped)

    def blocks_on(self, day: date) -> CardBlocks | None:
        """The blocks of cards up to the end of the day; None where the scenario has none."""
        if self._blocks is None:
            return None
        if self._settled == self._origin:
            for planned in self._planned:
                self._blocks.add(self._reports(planned))
        while self._settled <= day:
            self._blocks.add(self._reports(self._campaigns_of(self._settled)))
            self._settled += timedelta(days=1)
            self._blocks.settle(midnight_ms(self._settled))
        return self._blocks

    def _as_frauds(self, world: World, number: int, day: date, payments: Payments, take: int) -> Frauds:
        """Payments of a kind's campaigns that start on a day: what of it is tried, and reported by whom."""
        scenario, kind = self._scenario_on(day), CAMPAIGNS[number].name
        declined = np.zeros(len(payments), np.bool_)
        if scenario.thieves is not None:
            payments, declined = react(world, scenario.thieves, kind, day, payments, take)
        if self._turnover is not None:
            same = self._turnover.are_same_since(payments.merchant, payments.time, midnight_ms(day))
            payments, declined = payments.select(same), declined[same]
        campaign, stolen_at = np.full(len(payments), number), payments.time
        reports = FraudReports.none(len(payments))
        if scenario.blocks is not None:
            random = generator(world.seed, f"reports of {kind}", day.toordinal(), take)
            share = fraud_share(scenario, day)
            reports = report_frauds(scenario, scenario.blocks, random, payments.time, declined, share)
            stolen_at = _first_times(payments)
        return Frauds(payments, campaign, stolen_at, reports)

    def _reports(self, frauds: Frauds) -> list[tuple[int, int, int, int]]:
        """What blocks cards: the first true report of each fraud, unless its card had ended by then."""
        assert self._blocks is not None
        card, at = frauds.payments.card, frauds.reports.first()
        is_known = at < FraudReports.NEVER
        ended = self._blocks.are_ended(card, at, frauds.stolen_at)
        replaced_at = (at // DAY_MS + 1 + frauds.reports.replaced_days) * DAY_MS
        columns = (at, card, frauds.stolen_at, replaced_at)
        return list(zip(*(one[is_known & ~ended].tolist() for one in columns), strict=True))

    def _world_on(self, day: date) -> World:
        return self._world if self._turnover is None else self._turnover.world_on(self._world, day)

    def _campaigns_of(self, day: date) -> Frauds:
        if day not in self._recent:
            self._recent[day] = self.started_on(day)
            # In the order of the days, so the first ones are the oldest.
            while len(self._recent) > 2 * LONGEST_DAYS:
                del self._recent[next(iter(self._recent))]
        return self._recent[day]

    def _recent_campaigns(self, day: date) -> list[Frauds]:
        return [self._campaigns_of(day - timedelta(days=back)) for back in range(LONGEST_DAYS, -1, -1)]


def _first_times(payments: Payments) -> Ints:
    """By payment: when its card was first used by the thief."""
    card, owner = np.unique(payments.card, return_inverse=True)
    first = np.full(len(card), np.iinfo(np.int64).max)
    np.minimum.at(first, owner, payments.time)
    times: Ints = first[owner]
    return times

"""Thieves that react: to a decline at once, and every few days by another way of working."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from producer.scenario import ThiefReactions
from producer.simulator.draws import HOUR_MS, Bools, Floats, Ints, Payments, around_one, generator
from producer.simulator.world import World

STAYING = "merchant_collusion"
"""The kind whose thief is a merchant: it charges many cards, and can neither go elsewhere nor hurry."""


def react(
    world: World, settings: ThiefReactions, kind: str, day: date, payments: Payments, take: int = 0
) -> tuple[Payments, Bools]:
    """What thieves try who learn from what a plain rule of the issuer declines.

    Args:
        world: of the day, with the merchants that are open.
        settings: the issuer's rule, and what a thief does after a decline.
        kind: the campaign's name.
        day: on which the campaigns start.
        payments: what they would try if everything succeeded.
        take: of the day.

    Returns:
        The tries, and which of them are declined.
    """
    thief = payments.merchant if kind == STAYING else payments.card
    order = np.lexsort((payments.time, thief))
    random = generator(world.seed, f"reactions of {kind}", day.toordinal(), take)
    tries = _Tries.of(world, random, settings, kind, payments.select(order), thief[order])
    tries.work_as(way_of_working(world.seed, settings, kind, day))
    for rank in range(int(tries.size.max(initial=0))):
        tries.next(world, settings, rank)
    made = Payments(tries.card, tries.merchant, tries.time, tries.amount)
    return made.select(tries.made), tries.declined[tries.made]


def way_of_working(seed: int, settings: ThiefReactions, kind: str, day: date) -> tuple[float, float]:
    """Amounts and pauses against the scenario's, of the campaigns that start in this stretch of days."""
    random = generator(seed, f"way of {kind}", day.toordinal() // settings.way_days)
    amounts, pauses = around_one(random, 1.0, settings.way_spread, 2)
    return float(amounts), float(pauses)


@dataclass
class _Tries:
    """Columns by try, sorted by thief and time; `first` to `chosen` are by thief."""

    card: Ints
    merchant: Ints
    time: Ints
    amount: Floats
    elsewhere: Ints
    pause: Ints
    moves: bool
    made: Bools
    declined: Bools
    first: Ints
    size: Ints
    level: Floats
    waited: Ints
    declines: Ints
    warned: Bools

    @classmethod
    def of(
        cls,
        world: World,
        random: np.random.Generator,
        settings: ThiefReactions,
        kind: str,
        payments: Payments,
        thief: Ints,
    ) -> "_Tries":
        count = len(payments)
        first = np.flatnonzero(np.diff(thief, prepend=-1))
        thieves = len(first)
        return cls(
            card=payments.card,
            merchant=payments.merchant,
            time=payments.time,
            amount=payments.amount,
            elsewhere=_elsewhere(world, random, kind, payments.merchant),
            pause=random.exponential(settings.pause_hours * HOUR_MS, count).astype(np.int64),
            moves=kind != STAYING,
            made=np.zeros(count, np.bool_),
            declined=np.zeros(count, np.bool_),
            first=first,
            size=np.diff(np.append(first, count)),
            level=np.ones(thieves),
            waited=np.zeros(thieves, np.int64),
            declines=np.zeros(thieves, np.int64),
            warned=np.zeros(thieves, np.bool_),
        )

    def work_as(self, way: tuple[float, float]) -> None:
        """Change amounts and, where thieves move, pauses by these factors."""
        self.amount = self.amount * way[0]
        if self.moves:
            start = np.repeat(self.time[self.first], self.size)
            self.time = start + ((self.time - start) * way[1]).astype(np.int64)

    def next(self, world: World, settings: ThiefReactions, rank: int) -> None:
        """The try of that rank of all thieves who have not given up."""
        who = np.flatnonzero((self.size > rank) & (self.declines < settings.gives_up))
        row = self.first[who] + rank
        self.made[row] = True
        self.time[row] += self.waited[who]
        self.amount[row] *= self.level[who]
        if self.moves:
            self.merchant[row] = np.where(self.warned[who], self.elsewhere[row], self.merchant[row])
        usual = world.usual_amount(self.card[row], self.merchant[row])
        above = self.amount[row] > settings.declined_above * usual
        declined = above | self._is_fast(row, rank, settings.declined_per_hour)
        self.declined[row] = self.warned[who] = declined
        self.declines[who] += declined
        self.level[who] *= np.where(above, settings.lowered, 1.0)
        self.waited[who] += np.where(declined, self.pause[row], 0)

    def _is_fast(self, row: Ints, rank: int, per_hour: int) -> Bools:
        """Whether so many payments of the same card were made within the hour before."""
        if rank < per_hour:
            return np.zeros(len(row), np.bool_)
        before = row - per_hour
        fast: Bools = (self.time[row] - self.time[before] < HOUR_MS) & (self.card[row] == self.card[before])
        return fast


def _elsewhere(world: World, random: np.random.Generator, kind: str, merchant: Ints) -> Ints:
    """Another merchant for each: online if it is online, else of the same place."""
    if kind == STAYING or not len(merchant):
        return merchant
    nearby = world.merchant_index.choose(random, world.merchants.place[merchant])
    return np.where(world.merchants.online[merchant], random.choice(world.resaleable, len(merchant)), nearby)

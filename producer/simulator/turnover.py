"""Merchants that close, and others that open in their place and draw customers over time.

Each index of a merchant is a place that is let again and again. Who has it on a day follows from the seed and
the date alone, so that a history may start anywhere. One merchant of each shelf (a place, or a kind of online
shop) is a chain that never closes.
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from producer.scenario import MerchantTurnover
from producer.simulator.draws import DAY_MS, Bools, Floats, Ints, Payments, around_one, generator
from producer.simulator.world import World

SHORTEST_DAYS = 20
"""No merchant is open for less."""
_ALWAYS = 10_000_000
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Turnover:
    """When merchants open and close (whole days), and where card holders go instead.

    Attributes:
        open_days: by merchant: how long each that has the place is open.
        cycle_days: by merchant: from one opening to the next one.
        phase: by merchant: the position in the cycle on 1970-01-01.
        ramp_days: how long it takes to be as popular as others, on average.
        chain: by merchant: the one of its shelf that never closes.
        second: by card and favourite: where the holder goes where the favourite is closed or not known yet.
        known_after: by card and favourite: days until the holder has the habit of a new merchant.
        subscribed_after: by subscription: the same.
    """

    open_days: Ints
    cycle_days: Ints
    phase: Ints
    ramp_days: float
    chain: Ints
    second: Ints
    known_after: Floats
    subscribed_after: Floats

    @classmethod
    def of(cls, world: World, settings: MerchantTurnover) -> "Turnover":
        """The openings of a world's merchants: the same seed, the same days."""
        random, count = generator(world.seed, "turnover"), len(world.merchants)
        drawn = around_one(random, settings.median_days, settings.spread, count)
        open_days = SHORTEST_DAYS + drawn.astype(np.int64)
        vacant = 1 + random.exponential(settings.vacant_days, count).astype(np.int64)
        chain = _chains(world)
        open_days[chain] = _ALWAYS
        favourites, subscriptions = world.cards.favourites, world.subscriptions[0]
        shelf = np.where(world.merchants.online, world.merchant_index.online, world.merchants.place)
        second = world.merchant_index.choose(random, shelf[favourites].ravel()).reshape(favourites.shape)
        return cls(
            open_days=open_days,
            cycle_days=open_days + vacant,
            phase=(random.random(count) * (open_days + vacant)).astype(np.int64),
            ramp_days=settings.known_after_days,
            chain=chain,
            second=second,
            known_after=random.exponential(settings.known_after_days, favourites.shape),
            subscribed_after=random.exponential(settings.known_after_days, len(subscriptions)),
        )

    def ages(self, merchant: Ints, day: Ints | int) -> Ints:
        """Days since who has the place opened; -1 while it is vacant. `day` counts from 1970-01-01."""
        position = (day + self.phase[merchant]) % self.cycle_days[merchant]
        return np.where(position < self.open_days[merchant], position, -1)

    def tenants(self, merchant: Ints, time: Ints) -> Ints:
        """The number of the one who has, or had last, the place at a time (ms)."""
        tenants: Ints = (time // DAY_MS + self.phase[merchant]) // self.cycle_days[merchant]
        return tenants

    def are_same_since(self, merchant: Ints, time: Ints, since: Ints | int) -> Bools:
        """Whether the merchant is open at `time`, and was from `since` on (both ms)."""
        day = time // DAY_MS
        same: Bools = self.ages(merchant, day) >= np.maximum(day - since // DAY_MS, 0)
        return same

    def world_on(self, world: World, day: date) -> World:
        """The world with the merchants that are open, and the card holders' favourites among them."""
        ages = self.ages(np.arange(len(world.merchants)), day.toordinal() - _EPOCH)
        drawn = np.where(ages < 0, 0.0, -np.expm1(-(ages + 1) / self.ramp_days))
        merchants = replace(world.merchants, popularity=world.merchants.popularity * drawn)
        first = world.cards.favourites
        favourites = self._known(ages, first, self.second, self.known_after)
        payments, due = world.subscriptions
        shops = self._known(ages, payments.merchant, self.chain[payments.merchant], self.subscribed_after)
        regular = Payments(payments.card, shops, payments.time, payments.amount), due
        cards = replace(world.cards, favourites=favourites)
        return World(world.scenario, world.seed, cards, merchants, regular)

    def reopened(self, payments: Payments) -> Payments:
        """The payments, those at closed merchants at the chain of the same shelf instead."""
        is_open = self.ages(payments.merchant, payments.time // DAY_MS) >= 0
        merchant = np.where(is_open, payments.merchant, self.chain[payments.merchant])
        return Payments(payments.card, merchant, payments.time, payments.amount)

    def _known(self, ages: Ints, first: Ints, second: Ints, known_after: Floats) -> Ints:
        """The first choice if it is open and known, else the second, else the chain."""
        other = np.where(ages[second] > known_after, second, self.chain[first])
        known: Ints = np.where(ages[first] > known_after, first, other)
        return known


def _chains(world: World) -> Ints:
    """By merchant: the most popular one of its place or, online, of its kind: for thieves or not."""
    merchants, places = world.merchants, len(world.scenario.places)
    shelf = np.where(merchants.online, places + world.sells_resaleable, merchants.place)
    order = np.lexsort((merchants.popularity, shelf))
    last = np.append(np.flatnonzero(np.diff(shelf[order])), len(order) - 1)
    chain = np.empty(places + 2, np.int64)
    chain[shelf[order[last]]] = order[last]
    found: Ints = chain[shelf]
    return found

"""The cards and the merchants: what stays the same from day to day."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from producer.scenario import SimulationScenario
from producer.simulator.draws import HOUR_MS, Bools, Floats, Ints, Payments, around_one, generator

MERCHANTS_SPREAD_KM = 6.0
CARDS_SPREAD_KM = 8.0
_KM_PER_DEGREE = 111.2
SUBSCRIPTION_DAYS = 14


@dataclass(frozen=True)
class Cards:
    """Columns by card index."""

    place: Ints
    rate: Floats
    level: Floats
    chronotype: Floats
    weekend: Floats
    salary_day: Ints
    phase: Ints
    favourites: Ints
    latitude: Floats
    longitude: Floats

    def __len__(self) -> int:
        return len(self.place)


@dataclass(frozen=True)
class Merchants:
    """Columns by merchant index; an online merchant has the place where it is registered."""

    place: Ints
    category: Ints
    online: Bools
    popularity: Floats
    level: Floats
    latitude: Floats
    longitude: Floats

    def __len__(self) -> int:
        return len(self.place)


@dataclass(frozen=True)
class World:
    """The scenario's places and categories as arrays, its cards and its merchants."""

    scenario: SimulationScenario
    seed: int
    cards: Cards
    merchants: Merchants
    regular: tuple[Payments, Ints] | None = None
    """The subscriptions, where they are not drawn for this world."""

    @cached_property
    def utc_offset_ms(self) -> Ints:
        """By place."""
        return np.array([int(place.utc_offset * 3_600_000) for place in self.scenario.places], np.int64)

    @cached_property
    def country(self) -> Ints:
        """By place: the number of its country."""
        countries = sorted({place.country for place in self.scenario.places})
        return np.array([countries.index(place.country) for place in self.scenario.places], np.int64)

    @cached_property
    def place_weight(self) -> Floats:
        """By place, summing to one."""
        return _normalised([place.weight for place in self.scenario.places])

    @cached_property
    def resaleable(self) -> Ints:
        """The online merchants that sell what thieves buy."""
        return np.flatnonzero(self.merchants.online & self.sells_resaleable & self.is_open)

    @cached_property
    def ordinary(self) -> Ints:
        """The online merchants that sell other things."""
        return np.flatnonzero(self.merchants.online & ~self.sells_resaleable & self.is_open)

    @cached_property
    def games(self) -> Ints:
        """Online merchants for games, as many whatever is closed: instead of a closed one the next one."""
        every = np.flatnonzero(self.merchants.online & self.sells_resaleable)
        following = np.searchsorted(self.resaleable, every) % len(self.resaleable)
        return self.resaleable[following]

    @cached_property
    def is_open(self) -> Bools:
        """By merchant: whether anybody can pay there."""
        is_open: Bools = self.merchants.popularity > 0
        return is_open

    @cached_property
    def sells_resaleable(self) -> Bools:
        """By merchant: whether it sells what thieves buy."""
        resaleable = np.array([category.resaleable for category in self.scenario.categories])
        sells: Bools = resaleable[self.merchants.category]
        return sells

    @cached_property
    def merchant_index(self) -> "MerchantIndex":
        """For choosing merchants."""
        return MerchantIndex.of(self.merchants, len(self.scenario.places))

    @cached_property
    def subscriptions(self) -> tuple[Payments, Ints]:
        """Regular payments, from a song to a rent: their time counts from midnight; and when they are due."""
        if self.regular is not None:
            return self.regular
        random = generator(self.seed, "subscriptions")
        count = round(self.scenario.life.subscriptions * len(self.cards))
        card = np.sort(random.integers(0, len(self.cards), count))
        merchant = self.merchant_index.choose(random, np.full(count, self.merchant_index.online))
        time = (HOUR_MS * (2 + 6 * random.random(count))).astype(np.int64)
        price = np.floor(np.clip(around_one(random, 14.0, 1.5, count), 0.99, 1_200.0)) + 0.99
        return Payments(card, merchant, time, price), random.integers(0, SUBSCRIPTION_DAYS, count)

    def usual_amount(self, card: Ints, merchant: Ints) -> Floats:
        """The median amount, in euros, of such a payment."""
        medians = np.array([category.median for category in self.scenario.categories])
        merchants = self.merchants
        usual: Floats = (
            self.cards.level[card] * merchants.level[merchant] * medians[merchants.category[merchant]]
        )
        return usual


@dataclass(frozen=True)
class MerchantIndex:
    """Merchants sorted by place, the online ones last, each with its cumulative share of its place."""

    order: Ints
    cumulative: Floats
    online: int

    @classmethod
    def of(cls, merchants: Merchants, places: int) -> "MerchantIndex":
        """Sort the merchants."""
        group = np.where(merchants.online, places, merchants.place)
        order = np.argsort(group, kind="stable")
        weight, sorted_shelf = merchants.popularity[order], group[order]
        running = np.cumsum(weight)
        totals = np.bincount(sorted_shelf, weight, places + 1)
        before = np.concatenate([[0.0], np.cumsum(totals)[:-1]])
        share = (running - before[sorted_shelf]) / totals[sorted_shelf]
        return cls(order, sorted_shelf + np.minimum(share, 1.0), places)

    def choose(self, random: np.random.Generator, group: Ints) -> Ints:
        """A merchant of each given shelf (a place, or `online`), the popular ones more often."""
        position = np.searchsorted(self.cumulative, group + random.random(len(group)), side="left")
        return self.order[np.minimum(position, len(self.order) - 1)]


def build_world(scenario: SimulationScenario, seed: int) -> World:
    """The world of a scenario: the same seed, the same world."""
    merchants = _merchants(scenario, generator(seed, "merchants"))
    merchant_index = MerchantIndex.of(merchants, len(scenario.places))
    cards = _cards(scenario, generator(seed, "cards"), merchant_index)
    return World(scenario, seed, cards, merchants)


def _merchants(scenario: SimulationScenario, random: np.random.Generator) -> Merchants:
    count, places = scenario.merchants, len(scenario.places)
    category = random.choice(len(scenario.categories), count, p=_normalised(_frequency(scenario)))
    category[: len(scenario.categories)] = np.arange(len(scenario.categories))
    online = random.random(count) < np.array([kind.online for kind in scenario.categories])[category]
    place = random.choice(places, count, p=_normalised([place.weight for place in scenario.places]))
    # Every place has a shop at the street, and both kinds of online shop exist.
    place[-places:], online[-places:] = np.arange(places), False
    category[-places:] = 0
    sold = [(kind.online > 0, kind.resaleable) for kind in scenario.categories]
    fence, other = sold.index((True, True)), sold.index((True, False))
    online[fence] = online[other] = True
    weight = np.array([kind.weight for kind in scenario.categories]) / _frequency(scenario)
    latitude, longitude = _scatter(scenario, random, place, MERCHANTS_SPREAD_KM)
    return Merchants(
        place=place,
        category=category,
        online=online,
        popularity=weight[category] * (1.0 + random.pareto(1.3, count)),
        level=np.exp(random.normal(0.0, 0.25, count)),
        latitude=latitude,
        longitude=longitude,
    )


def _frequency(scenario: SimulationScenario) -> Floats:
    """Rare purchases still need shops to choose among: shops grow with the root of the payments."""
    return np.sqrt([kind.weight for kind in scenario.categories])


def _cards(scenario: SimulationScenario, random: np.random.Generator, merchant_index: MerchantIndex) -> Cards:
    count, life = scenario.cards, scenario.life
    place = random.choice(
        len(scenario.places), count, p=_normalised([place.weight for place in scenario.places])
    )
    latitude, longitude = _scatter(scenario, random, place, CARDS_SPREAD_KM)
    spread = life.activity_spread
    group = np.repeat(place, life.favourites)
    group = np.where(random.random(len(group)) < life.online / 2, merchant_index.online, group)
    return Cards(
        place=place,
        rate=np.exp(random.normal(-(spread**2) / 2, spread, count)),
        level=np.exp(random.normal(0.0, life.level_spread, count)),
        chronotype=random.normal(0.0, 1.5, count),
        weekend=np.exp(random.normal(0.1, 0.3, count)),
        salary_day=random.choice([1, 15, 25, 27, 28], count, p=[0.3, 0.1, 0.3, 0.1, 0.2]),
        phase=random.integers(0, scenario.card_lifetime_days, count),
        favourites=merchant_index.choose(random, group).reshape(count, life.favourites),
        latitude=latitude,
        longitude=longitude,
    )


def _scatter(
    scenario: SimulationScenario, random: np.random.Generator, place: Ints, km: float
) -> tuple[Floats, Floats]:
    north, east = random.normal(0.0, km / _KM_PER_DEGREE, (2, len(place)))
    latitudes = np.array([one.latitude for one in scenario.places])[place]
    longitudes = np.array([one.longitude for one in scenario.places])[place]
    latitude = np.clip(latitudes + north, -89.0, 89.0)
    longitude = (longitudes + east / np.cos(np.radians(latitude)) + 180.0) % 360.0 - 180.0
    return np.round(latitude, 4), np.round(longitude, 4)


def _normalised(weights: list[float] | Floats) -> Floats:
    values = np.asarray(weights, dtype=np.float64)
    normalised: Floats = values / values.sum()
    return normalised

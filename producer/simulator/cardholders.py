"""Payments of card holders: habits, errands, travel, gifts, games, subscriptions."""

from datetime import date

import numpy as np

from producer.scenario import Season, SimulationScenario
from producer.simulator.draws import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Bools,
    Floats,
    Ints,
    Payments,
    around_one,
    generator,
    waits,
)
from producer.simulator.world import SUBSCRIPTION_DAYS, World

TRIP_BLOCK_DAYS = 30
"""A card makes at most one trip in each such stretch of days."""

GAMERS_ONE_IN = 10
ABROAD_ACTIVITY = 2.0
MOST_USUAL = 4
"""The favourites that days of shopping lead to."""
NEW_SHOPS = 0.3
"""Share of the days of shopping that lead to merchants the card never saw."""

_HOURS = {
    "day": [1, 1, 1, 1, 1, 2, 5, 14, 24, 32, 38, 42, 46, 40, 36, 38, 46, 52, 46, 30, 16, 8, 4, 2],
    "evening": [6, 3, 1, 1, 1, 1, 2, 4, 6, 6, 8, 18, 40, 34, 14, 10, 14, 26, 46, 54, 46, 34, 22, 12],
    "always": [12, 8, 6, 5, 5, 6, 8, 12, 18, 22, 24, 26, 28, 26, 26, 28, 30, 32, 36, 40, 42, 38, 30, 20],
}


def legitimate(world: World, scenario: SimulationScenario, day: date, take: int = 0) -> Payments:
    """A day of everybody's payments (by UTC), unsorted; `take` draws the same day again."""
    random = generator(world.seed, "life", day.toordinal(), take)
    abroad = travellers(world, scenario, day)
    parts = [
        _habits(world, scenario, day, random, abroad),
        _shopping_sprees(world, scenario, day, random),
        _games(world, scenario, day, random),
        _tickets(world, scenario, day, random),
    ]
    if take == 0:
        parts.append(_subscriptions(world, day))
    start = midnight_ms(day)
    return Payments.concat(parts).within(start, start + DAY_MS)


def midnight_ms(day: date) -> int:
    """Midnight UTC in ms."""
    return (day.toordinal() - date(1970, 1, 1).toordinal()) * DAY_MS


def travellers(world: World, scenario: SimulationScenario, day: date) -> Ints:
    """By card: the place it travels in, or -1 at home."""
    block, position = divmod(day.toordinal(), TRIP_BLOCK_DAYS)
    random = generator(world.seed, "trips", block)
    cards = len(world.cards)
    chance = random.random(cards)
    length = 1 + random.poisson(scenario.life.trip_days, cards)
    start = (random.random(cards) * np.maximum(TRIP_BLOCK_DAYS - length, 1)).astype(np.int64)
    target = random.choice(len(scenario.places), cards, p=world.place_weight)
    season = season_on(scenario, date.fromordinal(block * TRIP_BLOCK_DAYS + TRIP_BLOCK_DAYS // 2))
    goes = chance < scenario.life.trips_per_month * season.travel
    away = goes & (start <= position) & (position < start + length)
    return np.where(away & (target != world.cards.place), target, -1)


def _habits(
    world: World, scenario: SimulationScenario, day: date, random: np.random.Generator, abroad: Ints
) -> Payments:
    life, rate = scenario.life, habitual_rates(world, scenario, day, abroad)
    card = np.repeat(np.arange(len(world.cards)), random.poisson(rate))
    place = np.where(abroad[card] >= 0, abroad[card], world.cards.place[card])
    merchant = _merchants(world, scenario, random, card, place, abroad[card] >= 0)
    time = _times(world, random, day, card, merchant, place)
    chance = np.where(world.merchants.online[merchant], 0.0, life.errands)
    time = _errands(random, card, time, chance)
    return Payments(card, merchant, time, _amounts(world, scenario, random, card, merchant))


def habitual_rates(world: World, scenario: SimulationScenario, day: date, abroad: Ints) -> Floats:
    """By card: the payments out of habit that are expected on the day; `abroad` is of `travellers`."""
    rate = scenario.life.payments_per_day * world.cards.rate * _activity(world, scenario, day)
    rates: Floats = rate * np.where(abroad >= 0, ABROAD_ACTIVITY, 1.0)
    return rates


def _activity(world: World, scenario: SimulationScenario, day: date) -> Floats:
    """How active each card is today: the season, the weekend, the salary."""
    cards = world.cards
    weekend = cards.weekend if day.weekday() >= 5 else np.ones(len(cards))
    since_salary = (day.day - cards.salary_day) % 30
    salary = 1.0 + scenario.life.salary_effect * (since_salary < 4)
    factor: Floats = season_on(scenario, day).activity * weekend * salary
    return factor


def season_on(scenario: SimulationScenario, day: date) -> Season:
    """The season that the day is in; outside of all, one that changes nothing."""
    month_day = f"{day:%m-%d}"
    holding = (season for season in scenario.seasons if season.contains(month_day))
    return next(holding, Season(first="01-01", last="12-31"))


def _merchants(
    world: World,
    scenario: SimulationScenario,
    random: np.random.Generator,
    card: Ints,
    place: Ints,
    away: Bools,
) -> Ints:
    """A favourite, or one explored nearby or online; travellers have no favourites abroad."""
    life, merchant_index = scenario.life, world.merchant_index
    rank = random.geometric(0.35, len(card)) - 1
    favourite = world.cards.favourites[card, rank % world.cards.favourites.shape[1]]
    online = random.random(len(card)) < life.online
    explored = merchant_index.choose(random, np.where(online, merchant_index.online, place))
    known = random.random(len(card)) >= life.explore
    reachable = ~away | world.merchants.online[favourite]
    return np.where(known & reachable, favourite, explored)


def _times(
    world: World, random: np.random.Generator, day: date, card: Ints, merchant: Ints, place: Ints
) -> Ints:
    """By the merchants' hours and the card's, in local time; what falls off the day comes round."""
    profiles = np.array([_HOURS[kind.hours] for kind in world.scenario.categories], np.float64)
    cumulative = np.cumsum(profiles / profiles.sum(axis=1, keepdims=True), axis=1)
    category = world.merchants.category[merchant]
    position = np.searchsorted(
        (cumulative + np.arange(len(profiles))[:, None]).ravel(), _cumulative_positions(random, category)
    )
    hour = np.minimum(position - 24 * category, 23) + random.random(len(card))
    hour += world.cards.chronotype[card]
    local = (hour * HOUR_MS).astype(np.int64)
    times: Ints = midnight_ms(day) + (local - world.utc_offset_ms[place]) % DAY_MS
    return times


def _cumulative_positions(random: np.random.Generator, category: Ints) -> Floats:
    return np.minimum(random.random(len(category)), 1.0 - 1e-12) + category


def _errands(random: np.random.Generator, card: Ints, time: Ints, chance: Floats) -> Ints:
    """Some payments in shops follow the card's one before within the hour; a card's rows are adjacent."""
    follows = np.zeros(len(card), np.bool_)
    follows[1:] = (card[1:] == card[:-1]) & (random.random(max(len(card) - 1, 0)) < chance[1:])
    moved = time.copy()
    moved[1:] = np.where(follows[1:], time[:-1] + waits(random, len(time) - 1, 15 * MINUTE_MS), time[1:])
    return moved


def _amounts(
    world: World, scenario: SimulationScenario, random: np.random.Generator, card: Ints, merchant: Ints
) -> Floats:
    spreads = np.array([kind.spread for kind in scenario.categories])[world.merchants.category[merchant]]
    usual = world.usual_amount(card, merchant) * scenario.life.amount_level
    amounts: Floats = usual * np.exp(random.normal(0.0, 1.0, len(card)) * spreads)
    return amounts


def _shopping_sprees(
    world: World, scenario: SimulationScenario, day: date, random: np.random.Generator
) -> Payments:
    """Days of shopping: mostly large purchases at the usual shops, sometimes (gifts, a move) at new ones."""
    season = season_on(scenario, day)
    shoppers = _sample_cards(world, random, scenario.life.sprees_per_month / 30 * season.gifts)
    usual = random.random(len(shoppers)) >= NEW_SHOPS
    size = np.where(usual, 3 + random.poisson(7.0, len(shoppers)), 1 + random.poisson(3.0, len(shoppers)))
    card, at_usual = np.repeat(shoppers, size), np.repeat(usual, size)
    rank = random.integers(0, min(MOST_USUAL, scenario.life.favourites), len(card))
    anywhere = random.choice(world.ordinary, len(card))
    merchant = np.where(at_usual, world.cards.favourites[card, rank], anywhere)
    bold = around_one(random, scenario.life.spree_size, 0.6, len(card))
    amount = bold * _amounts(world, scenario, random, card, merchant)
    return Payments(card, merchant, _session(world, random, day, shoppers, card, 12 * MINUTE_MS), amount)


def _games(world: World, scenario: SimulationScenario, day: date, random: np.random.Generator) -> Payments:
    """Bursts of tiny payments, mostly of few cards, each to the online merchant of their game."""
    share = scenario.life.games_per_month / 30
    gamers = _sample_cards(world, random, min(share * GAMERS_ONE_IN, 1.0))
    players = gamers[gamers % GAMERS_ONE_IN == 0]
    card = np.repeat(players, 2 + random.poisson(7.0, len(players)))
    shop = world.games[card % len(world.games)]
    amount = around_one(random, 1.7, 0.5, len(card))
    return Payments(card, shop, _session(world, random, day, players, card, 2 * MINUTE_MS), amount)


def _tickets(world: World, scenario: SimulationScenario, day: date, random: np.random.Generator) -> Payments:
    """A few tiny online payments on the way, at merchants seen for the first time: tickets, parking, tips."""
    riders = _sample_cards(world, random, scenario.life.tickets_per_month / 30)
    card = np.repeat(riders, 1 + random.poisson(2.0, len(riders)))
    merchant = random.choice(world.ordinary, len(card))
    amount = around_one(random, 1.0, 0.5, len(card))
    return Payments(card, merchant, _session(world, random, day, riders, card, 2 * MINUTE_MS), amount)


def _sample_cards(world: World, random: np.random.Generator, share: float) -> Ints:
    """A random few of the cards, ascending."""
    count = random.binomial(len(world.cards), min(share, 1.0))
    return np.sort(random.choice(len(world.cards), count, replace=False))


def _session(
    world: World, random: np.random.Generator, day: date, who: Ints, card: Ints, mean_gap_ms: float
) -> Ints:
    """Times of payments that follow one another, beginning at a waking hour of each of `who`."""
    start_hour = 9.0 + 13.0 * random.random(len(who)) + world.cards.chronotype[who]
    local = (start_hour * HOUR_MS).astype(np.int64) - world.utc_offset_ms[world.cards.place[who]]
    owner = np.searchsorted(who, card)
    gaps = np.cumsum(waits(random, len(card), mean_gap_ms))
    first = np.searchsorted(card, who)
    time: Ints = midnight_ms(day) + local[owner] % DAY_MS + gaps - gaps[first][owner]
    return time


def _subscriptions(world: World, day: date) -> Payments:
    """The same amount to the same online merchant, every two weeks at the same hour."""
    payments, due = world.subscriptions
    today = payments.select(due == day.toordinal() % SUBSCRIPTION_DAYS)
    return Payments(today.card, today.merchant, midnight_ms(day) + today.time, today.amount)

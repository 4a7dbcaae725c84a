"""Stolen card numbers are tried with tiny online payments; those that work buy something."""

from datetime import date

import numpy as np

from producer.scenario import SimulationScenario
from producer.simulator.campaigns.common import (
    amount_factors,
    draw_starts,
    draw_victims,
    random_time_of_day,
    sequential_times,
)
from producer.simulator.draws import HOUR_MS, MINUTE_MS, Ints, Payments, around_one, generator, waits
from producer.simulator.world import World

SHOPS = 5
"""Where a thief tries the cards of one batch."""


def card_testing(world: World, scenario: SimulationScenario, day: date, take: int = 0) -> Payments:
    """The payments of all card testing that starts on `day`."""
    random = generator(world.seed, "card_testing", day.toordinal(), take)
    campaign = scenario.campaigns.card_testing
    count = draw_starts(world, campaign, random)
    batch = np.repeat(np.arange(count), campaign.cards)
    start = random_time_of_day(random, day, count)[batch]
    start = start + (random.random(len(batch)) * campaign.hours * HOUR_MS).astype(np.int64)
    card = draw_victims(world, random, len(batch))
    shops = random.choice(world.resaleable, (count, SHOPS))
    tests = _tests(random, card, shops[batch], start)
    used = random.random(len(batch)) < campaign.used
    return Payments.concat([tests, _use(world, scenario, random, card[used], start[used])])


def _tests(random: np.random.Generator, card: Ints, shops: Ints, start: Ints) -> Payments:
    """A few payments of each card, each at one of the thief's shops; `shops` has a row for each card."""
    size = 1 + random.poisson(2.0, len(card))
    time = sequential_times(random, start, size, MINUTE_MS)
    owner = np.repeat(np.arange(len(card)), size)
    shop = shops[owner, random.integers(0, SHOPS, len(owner))]
    return Payments(card[owner], shop, time, around_one(random, 0.8, 0.4, len(owner)))


def _use(
    world: World, scenario: SimulationScenario, random: np.random.Generator, card: Ints, tested: Ints
) -> Payments:
    size = 1 + random.poisson(1.0, len(card))
    start = tested + waits(random, len(card), 8 * HOUR_MS, 10 * MINUTE_MS)
    time = sequential_times(random, start, size, 40 * MINUTE_MS)
    owner = np.repeat(card, size)
    merchant = random.choice(world.resaleable, len(owner))
    amount = world.usual_amount(owner, merchant) * amount_factors(
        random, scenario.campaigns.card_testing, size
    )
    return Payments(owner, merchant, time, amount)

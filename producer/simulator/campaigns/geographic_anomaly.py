"""A cloned card pays in shops of another country while its owner keeps paying at home."""

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
from producer.simulator.draws import HOUR_MS, Ints, Payments, generator
from producer.simulator.world import World

SHOPS_CONSIDERED = 6


def geographic_anomaly(world: World, scenario: SimulationScenario, day: date, take: int = 0) -> Payments:
    """The payments of all clones that are first used on `day`."""
    random = generator(world.seed, "geographic_anomaly", day.toordinal(), take)
    campaign = scenario.campaigns.geographic_anomaly
    count = draw_starts(world, campaign, random)
    owner = draw_victims(world, random, count)
    place = _city_abroad(world, random, owner)
    size = 1 + random.poisson(max(campaign.payments - 1, 0), count)
    gap = campaign.hours * HOUR_MS / campaign.payments
    time = sequential_times(random, random_time_of_day(random, day, count), size, gap)
    card = np.repeat(owner, size)
    merchant = _shops(world, random, np.repeat(place, size))
    amount = world.usual_amount(card, merchant) * amount_factors(random, campaign, size)
    return Payments(card, merchant, time, amount)


def _shops(world: World, random: np.random.Generator, place: Ints) -> Ints:
    """Shops of the place; of those that the thief passes, one that sells what can be resold."""
    considered = np.stack([world.merchant_index.choose(random, place) for _ in range(SHOPS_CONSIDERED)])
    wanted = world.sells_resaleable[considered]
    chosen: Ints = considered[np.argmax(wanted, axis=0), np.arange(len(place))]
    return chosen


def _city_abroad(world: World, random: np.random.Generator, owner: Ints) -> Ints:
    """A place of another country for each, by weight."""
    home = world.country[world.cards.place[owner]]
    foreign = world.country[None, :] != home[:, None]
    weight = world.place_weight[None, :] * foreign
    cumulative = np.cumsum(weight, axis=1) / weight.sum(axis=1, keepdims=True)
    spot = random.random(len(owner))[:, None]
    place: Ints = (cumulative < spot).sum(axis=1)
    return np.minimum(place, len(world.country) - 1)

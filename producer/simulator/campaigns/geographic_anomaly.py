"""A cloned card pays in shops of another country while its owner goes on paying at home."""

from datetime import date

import numpy as np

from producer.scenario import SimulationScenario
from producer.simulator.campaigns.common import after_each_other, factors, some_time, starts, victims
from producer.simulator.draws import HOUR_MS, Ints, Payments, generator
from producer.simulator.world import World

SHOPS_PASSED = 6


def geographic_anomaly(world: World, scenario: SimulationScenario, day: date, take: int = 0) -> Payments:
    """The payments of all clones that are first used on `day`."""
    random = generator(world.seed, "geographic_anomaly", day.toordinal(), take)
    campaign = scenario.campaigns.geographic_anomaly
    count = starts(world, campaign, random)
    owner = victims(world, random, count)
    place = _abroad(world, random, owner)
    size = 1 + random.poisson(max(campaign.payments - 1, 0), count)
    gap = campaign.hours * HOUR_MS / campaign.payments
    time = after_each_other(random, some_time(random, day, count), size, gap)
    card = np.repeat(owner, size)
    merchant = _shops(world, random, np.repeat(place, size))
    amount = world.usual_amount(card, merchant) * factors(random, campaign, size)
    return Payments(card, merchant, time, amount)


def _shops(world: World, random: np.random.Generator, place: Ints) -> Ints:
    """Shops of the place; of those that the thief passes, one that sells what can be resold."""
    passed = np.stack([world.shelves.choose(random, place) for _ in range(SHOPS_PASSED)])
    wanted = world.sells_resaleable[passed]
    chosen: Ints = passed[np.argmax(wanted, axis=0), np.arange(len(place))]
    return chosen


def _abroad(world: World, random: np.random.Generator, owner: Ints) -> Ints:
    """A place of another country for each, by weight."""
    home = world.country[world.cards.place[owner]]
    foreign = world.country[None, :] != home[:, None]
    weight = world.place_weight[None, :] * foreign
    cumulative = np.cumsum(weight, axis=1) / weight.sum(axis=1, keepdims=True)
    spot = random.random(len(owner))[:, None]
    place: Ints = (cumulative < spot).sum(axis=1)
    return np.minimum(place, len(world.country) - 1)

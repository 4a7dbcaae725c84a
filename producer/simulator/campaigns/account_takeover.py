"""A thief shops online with somebody's account: new merchants, mostly more than the owner spends."""

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
from producer.simulator.draws import HOUR_MS, Payments, generator
from producer.simulator.world import World

RESALEABLE = 0.9
"""Share of the purchases that can be turned into money."""


def account_takeover(world: World, scenario: SimulationScenario, day: date, take: int = 0) -> Payments:
    """The payments of all take-overs that start on `day`."""
    random = generator(world.seed, "account_takeover", day.toordinal(), take)
    campaign = scenario.campaigns.account_takeover
    count = draw_starts(world, campaign, random)
    size = 1 + random.poisson(max(campaign.payments - 1, 0), count)
    gap = campaign.hours * HOUR_MS / campaign.payments
    time = sequential_times(random, random_time_of_day(random, day, count), size, gap)
    card = np.repeat(draw_victims(world, random, count), size)
    anywhere = world.merchant_index.choose(random, np.full(len(card), world.merchant_index.online))
    resaleable = random.choice(world.resaleable, len(card))
    merchant = np.where(random.random(len(card)) < RESALEABLE, resaleable, anywhere)
    amount = world.usual_amount(card, merchant) * amount_factors(random, campaign, size)
    return Payments(card, merchant, time, amount)

"""A merchant charges stolen cards for weeks, a little above what its customers usually pay."""

from datetime import date

import numpy as np

from producer.scenario import SimulationScenario
from producer.simulator.campaigns.common import amount_factors, draw_starts, draw_victims
from producer.simulator.cardholders import midnight_ms
from producer.simulator.draws import DAY_MS, HOUR_MS, Payments, generator
from producer.simulator.world import World


def merchant_collusion(world: World, scenario: SimulationScenario, day: date, take: int = 0) -> Payments:
    """The payments of all colluding merchants that start on `day`."""
    random = generator(world.seed, "merchant_collusion", day.toordinal(), take)
    campaign = scenario.campaigns.merchant_collusion
    count = draw_starts(world, campaign, random)
    days = 2.0 + random.exponential(campaign.days, count)
    size = random.poisson(days * campaign.payments_per_day)
    found = np.flatnonzero(world.is_open)
    merchant = np.repeat(found[random.integers(0, len(found), count)], size)
    lasting = np.repeat(days, size)
    on_day = (random.random(len(merchant)) * lasting).astype(np.int64)
    hour = (9.0 + 11.0 * random.random(len(merchant))) * HOUR_MS
    local = hour.astype(np.int64) - world.utc_offset_ms[world.merchants.place[merchant]]
    time = midnight_ms(day) + on_day * DAY_MS + local % DAY_MS
    card = draw_victims(world, random, len(merchant))
    ones = np.ones(len(card), np.int64)
    amount = world.usual_amount(card, merchant) * amount_factors(random, campaign, ones)
    return Payments(card, merchant, time, amount)

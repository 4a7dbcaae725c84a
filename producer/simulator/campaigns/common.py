"""What several campaigns do."""

from datetime import date

import numpy as np

from producer.scenario import CampaignSettings
from producer.simulator.cardholders import midnight_ms
from producer.simulator.draws import DAY_MS, HOUR_MS, Floats, Ints, around_one
from producer.simulator.world import World


def draw_starts(world: World, campaign: CampaignSettings, random: np.random.Generator) -> int:
    """How many campaigns start today."""
    return int(random.poisson(campaign.starts_per_day * len(world.cards) / 10_000))


def draw_victims(world: World, random: np.random.Generator, count: int) -> Ints:
    """Cards that are used at all are stolen more often."""
    weight = world.cards.rate / world.cards.rate.sum()
    return random.choice(len(world.cards), count, p=weight)


def random_time_of_day(random: np.random.Generator, day: date, count: int) -> Ints:
    """Any time of the day, the late hours (UTC) somewhat more often."""
    hour = np.where(random.random(count) < 0.3, random.normal(24.0, 2.5, count), 24 * random.random(count))
    return midnight_ms(day) + (hour * HOUR_MS).astype(np.int64) % DAY_MS


def amount_factors(random: np.random.Generator, campaign: CampaignSettings, size: Ints) -> Floats:
    """By payment: the amount against the usual one; `size` gives the payments of each victim."""
    quiet = np.repeat(random.random(len(size)) < campaign.quiet, size)
    bold = around_one(random, campaign.boldness, 0.6, len(quiet))
    return np.where(quiet, around_one(random, 1.0, 0.5, len(quiet)), bold)


def sequential_times(random: np.random.Generator, start: Ints, size: Ints, mean_gap_ms: float) -> Ints:
    """Times of payments that follow one another from each `start`; the first is at it."""
    if not size.sum():
        return np.empty(0, np.int64)
    gaps = np.cumsum(1_000 + random.exponential(mean_gap_ms, int(size.sum())).astype(np.int64))
    owner = np.repeat(np.arange(len(size)), size)
    first = np.cumsum(size) - size
    times: Ints = start[owner] + gaps - gaps[first[owner]]
    return times

"""Attacks that happen for certain: a short stretch of live traffic may have none by chance."""

from datetime import UTC, datetime
from itertools import count

import numpy as np

from producer.scenario import SimulationScenario
from producer.simulator.campaigns import CAMPAIGNS, Campaign
from producer.simulator.draws import Ints, Payments
from producer.simulator.world import World

PLANNED = ("account_takeover", "geographic_anomaly", "card_testing")
"""A colluding merchant is left out: it takes weeks."""
TESTED_CARDS = 5
_STARTS = 0.2
"""Expected attacks of a draw: few enough that hardly any has two."""


def planned_attacks(
    world: World, scenario: SimulationScenario, first: int, end: int, each: int
) -> tuple[Payments, Ints]:
    """Attacks that start at even distances between two moments.

    Args:
        world: whose cards are attacked.
        scenario: how such attacks go; card testing tries `TESTED_CARDS` cards.
        first: before the first start, in ms.
        end: after the last start, in ms.
        each: how many of each kind in `PLANNED`.

    Returns:
        The payments, and by payment the index of the kind in `CAMPAIGNS`.
    """
    kinds = [CAMPAIGNS.index(one) for one in CAMPAIGNS for name in PLANNED if one.name == name] * each
    starts = first + (np.arange(len(kinds)) + 0.5) / max(len(kinds), 1) * (end - first)
    quiet = _rare(world, scenario)
    parts = [
        _one(world, quiet, CAMPAIGNS[kind], int(start)) for kind, start in zip(kinds, starts, strict=True)
    ]
    return Payments.concat(parts), np.repeat(np.array(kinds, np.int64), [len(part) for part in parts])


def _one(world: World, scenario: SimulationScenario, campaign: Campaign, start: int) -> Payments:
    """An attack whose first payment is at `start`."""
    day = datetime.fromtimestamp(start / 1_000, UTC).date()
    drawn = (campaign.started_on(world, scenario, day, take) for take in count(start % 1_000_000 + 1))
    payments = next(one for one in drawn if len(one))
    time = payments.time - payments.time.min() + start
    return Payments(payments.card, payments.merchant, time, payments.amount)


def _rare(world: World, scenario: SimulationScenario) -> SimulationScenario:
    """The scenario with `_STARTS` attacks of each planned kind a day."""
    starts = {"starts_per_day": _STARTS * 10_000 / len(world.cards)}
    of_kind = {name: getattr(scenario.campaigns, name).model_copy(update=starts) for name in PLANNED}
    tested = of_kind["card_testing"].model_copy(update={"cards": TESTED_CARDS})
    campaigns = scenario.campaigns.model_copy(update=of_kind | {"card_testing": tested})
    return scenario.model_copy(update={"campaigns": campaigns})

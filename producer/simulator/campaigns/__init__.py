"""Fraud: each campaign is a function of the day it starts, and may last for days."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np

from producer.scenario import SimulationScenario
from producer.simulator.campaigns.account_takeover import account_takeover
from producer.simulator.campaigns.card_testing import card_testing
from producer.simulator.campaigns.geographic_anomaly import geographic_anomaly
from producer.simulator.campaigns.merchant_collusion import merchant_collusion
from producer.simulator.draws import Payments
from producer.simulator.world import World

LONGEST_DAYS = 30
"""A campaign's payments later than so many days after its start do not happen."""


@dataclass(frozen=True)
class Campaign:
    """A name and the function that makes the payments of those that start on a day."""

    name: str
    started_on: Callable[[World, SimulationScenario, date, int], Payments]


CAMPAIGNS = (
    Campaign("card_testing", card_testing),
    Campaign("account_takeover", account_takeover),
    Campaign("merchant_collusion", merchant_collusion),
    Campaign("geographic_anomaly", geographic_anomaly),
)
CAMPAIGN_NAMES = np.array([campaign.name for campaign in CAMPAIGNS], dtype=object)

"""The pace of traffic that is true to the habits of a world's cards."""

from datetime import date

from producer.scenario import SimulationScenario
from producer.simulator.cardholders import GAMERS_ONE_IN, NEW_SHOPS, habitual_rates, season_on, travellers
from producer.simulator.world import SUBSCRIPTION_DAYS, World

_DAY_S = 86_400
_SPREE, _GIFTS, _GAME, _TICKETS = 10, 4, 9, 3
"""Mean payments of a day of shopping at usual and at new merchants, of a game, and of a row of tickets."""
_TESTS, _USES = 3, 2
"""Mean payments of a card that is tested, and of one that is used then."""


def payments_per_day(world: World, scenario: SimulationScenario, day: date) -> float:
    """The sum of what the cards are expected to pay on the day, without fraud."""
    habits = habitual_rates(world, scenario, day, travellers(world, scenario, day)).sum()
    return float(habits) + len(world.cards) * _occasional(scenario, day)


def payments_per_second(world: World, scenario: SimulationScenario, day: date) -> float:
    """The cards' own pace on the day."""
    return payments_per_day(world, scenario, day) / _DAY_S


def fraud_share(scenario: SimulationScenario, day: date) -> float:
    """How many of all payments of the day are fraud, as the scenario's campaigns are meant; about."""
    testing, takeover = scenario.campaigns.card_testing, scenario.campaigns.account_takeover
    collusion, anomaly = scenario.campaigns.merchant_collusion, scenario.campaigns.geographic_anomaly
    frauds = (
        testing.starts_per_day * testing.cards * (_TESTS + _USES * testing.used)
        + takeover.starts_per_day * takeover.payments
        + collusion.starts_per_day * (collusion.days + 2) * collusion.payments_per_day
        + anomaly.starts_per_day * anomaly.payments
    ) / 10_000
    return frauds / (frauds + scenario.life.payments_per_day + _occasional(scenario, day))


def _occasional(scenario: SimulationScenario, day: date) -> float:
    """Payments of one card on the day that are no habit: shopping, games, tickets, subscriptions."""
    life, season = scenario.life, season_on(scenario, day)
    spree = (1 - NEW_SHOPS) * _SPREE + NEW_SHOPS * _GIFTS
    sprees = min(life.sprees_per_month / 30 * season.gifts, 1.0) * spree
    games = min(life.games_per_month / 30 * GAMERS_ONE_IN, 1.0) / GAMERS_ONE_IN * _GAME
    tickets = min(life.tickets_per_month / 30, 1.0) * _TICKETS
    return sprees + games + tickets + life.subscriptions / SUBSCRIPTION_DAYS
